import { z } from './schema.js'

/**
 * A whole number of some unit. An error names the unit: what is out of bounds is most often in another one.
 *
 * @param most default: none
 */
export function whole(unit: 'seconds' | 'milliseconds' | 'days', least: number, most?: number): z.ZodNumber {
  const fault = `must be a whole number of ${unit}, ${most === undefined ? `${least} or more` : `from ${least} to ${most}`}`
  const number = z.int(fault).min(least, fault)
  return most === undefined ? number : number.max(most, fault)
}

import { z } from '../schema.js'

/** The schema of the option `timeout`. */
export const timeoutSchema: z.ZodType<number | undefined> = z
  .number('must be a number of milliseconds')
  .int('must be whole')
  .min(1, 'must be at least 1')
  .max(60_000, 'must be at most 60000')
  .optional()

/** When to stop waiting for a policy engine: after so many milliseconds, and as soon as the request has no use for it. */
export function deadlineOf(input: object, timeout = 2_000): AbortSignal {
  const own = AbortSignal.timeout(timeout)
  const given = 'signal' in input && input.signal instanceof AbortSignal ? [input.signal] : []
  return AbortSignal.any([own, ...given])
}

import { fieldValues } from '../../http/message.js'
import { isPrintable } from '../base.js'
import { deriveBare } from '../components.js'
import type { SignatureContext } from '../context.js'
import { baseComponents, bodyComponents } from '../required.js'
import { takeBytes } from './bytes.js'

/** A compiled list of covered components: everything about it that does not depend on the request or the route. */
export interface Plan {
  readonly label: string
  /** In order; each bare. */
  readonly covered: readonly string[]
  readonly names: ReadonlySet<string>
  readonly steps: readonly Step[]
  /** The covered fields but `signature-key`, which has been read already. */
  readonly fields: ReadonlySet<string>
  /** Whether it covers what every signature has to. */
  readonly coversBase: boolean
  readonly coversAuthorization: boolean
  /** Whether `signature-key` is the last component. */
  readonly endsWithKey: boolean
}

interface Step {
  readonly name: string
  /** The identifier, quoted, with the colon that follows in the base. */
  readonly start: string
  /** Absent for a field. */
  readonly derive: ((context: SignatureContext) => string) | undefined
}

/** A label and a list of bare components, each once, in the one spelling of RFC 8941, 4.1. */
const shape = /^([a-z*][a-z0-9_.*-]*)=\(("[^"\\ ]+"(?: "[^"\\ ]+")*)\)$/
const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/**
 * Compiles the part of `Signature-Input` that stays the same from request to request: all before `;created`.
 * `undefined` for anything unusual, which is then for the parser.
 */
export function compilePlan(text: string): Plan | undefined {
  const match = shape.exec(text)
  if (match === null) return undefined
  const [, label, list] = match as unknown as [string, string, string]
  const covered = list.slice(1, -1).split('" "')
  const names = new Set(covered)
  if (names.size !== covered.length) return undefined
  const steps = covered.map((name): Step => ({ name, start: `"${name}": `, derive: deriveBare(name) }))
  if (!steps.every(({ name, derive }) => derive !== undefined || fieldName.test(name))) return undefined
  const fields = new Set(
    steps.flatMap(({ name, derive }) => (derive === undefined && name !== 'signature-key' ? [name] : [])),
  )
  return {
    label,
    covered,
    names,
    steps,
    fields,
    coversBase: baseComponents.every((name) => names.has(name)),
    coversAuthorization: names.has('authorization'),
    endsWithKey: covered.at(-1) === 'signature-key',
  }
}

/** Whether a plan covers what a route requires beside the base, for a request with content or without. */
export function coversAdditional(plan: Plan, additional: readonly string[], hasContent: boolean): boolean {
  for (const name of additional) {
    if (!plan.names.has(name) && (hasContent || !bodyComponents.has(name))) return false
  }
  return true
}

/**
 * The signature base by a plan that covers `signature-key`; `undefined` when a component cannot be resolved.
 *
 * @param key the value of `Signature-Key`, known to be printable
 * @param parameters the list and its parameters, as received
 */
export function planBase(
  plan: Plan,
  context: SignatureContext,
  key: string,
  parameters: string,
): Buffer | undefined {
  const fields = plan.fields.size === 0 ? undefined : fieldValues(context.rawHeaders, plan.fields)
  let before = ''
  let text = ''
  for (const { name, start, derive } of plan.steps) {
    if (name === 'signature-key') {
      before = text + start
      text = '\n'
      continue
    }
    const value = derive === undefined ? fields?.get(name) : derive(context)
    if (value === undefined || !isPrintable(value)) return undefined
    text += `${start}${value}\n`
  }
  return asBytes(before, key, `${text}"@signature-params": ${parameters}`)
}

/** ASCII as bytes. In parts, since joining them first would copy the token once more. */
function asBytes(before: string, key: string, after: string): Buffer {
  const bytes = takeBytes(before.length + key.length + after.length)
  bytes.write(before, 0, 'latin1')
  bytes.write(key, before.length, 'latin1')
  bytes.write(after, before.length + key.length, 'latin1')
  return bytes
}

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
  /** The covered fields except `signature-key`, which has been read already. */
  readonly fields: ReadonlySet<string>
  /** Whether it covers the components that every signature must cover. */
  readonly coversBase: boolean
  readonly coversAuthorization: boolean
  /** Whether `signature-key` is the last component. */
  readonly endsWithKey: boolean
  /** The last base, if it consisted of the request line and host alone. */
  last: Surrounds | undefined
}

/** The parts of a base around the value of `Signature-Key`, and what they were made from. */
interface Surrounds extends Omit<SignatureContext, 'rawHeaders'> {
  readonly before: string
  /** Up to `@signature-params`. */
  readonly after: string
}

/** Limit on the characters of a target whose base is remembered. */
const longestTarget = 256

interface Step {
  readonly name: string
  /** The identifier, quoted, with the colon that follows in the base. */
  readonly start: string
  /** Absent for a field. */
  readonly derive: ((context: SignatureContext) => string) | undefined
}

/** A label and a list of distinct bare components, spelt as RFC 8941, 4.1 serialises them. */
const shape = /^([a-z*][a-z0-9_.*-]*)=\(("[^"\\ ]+"(?: "[^"\\ ]+")*)\)$/
const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/**
 * Compiles the part of `Signature-Input` before `;created`, which is the same in most requests. `undefined` for
 * anything unusual, which is left to the parser.
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
    last: undefined,
  }
}

/** Whether a plan covers what a route requires beside the base components, with or without content. */
export function coversAdditional(plan: Plan, additional: readonly string[], hasContent: boolean): boolean {
  for (const name of additional) {
    if (!plan.names.has(name) && (hasContent || !bodyComponents.has(name))) return false
  }
  return true
}

/**
 * The signature base for a plan that covers `signature-key`; `undefined` when a component cannot be resolved.
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
  const { last } = plan
  if (last !== undefined && isSame(last, context))
    return asBytes(last.before, key, `${last.after}"@signature-params": ${parameters}`)
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
  const { method, target, authority, scheme } = context
  if (fields === undefined && target.length <= longestTarget)
    plan.last = { method, target, authority, scheme, before, after: text }
  return asBytes(before, key, `${text}"@signature-params": ${parameters}`)
}

function isSame(last: Surrounds, { method, target, authority, scheme }: SignatureContext): boolean {
  return (
    last.target === target && last.method === method && last.authority === authority && last.scheme === scheme
  )
}

/** ASCII text as bytes. In parts, because joining them first would copy the token once more. */
function asBytes(before: string, key: string, after: string): Buffer {
  const bytes = takeBytes(before.length + key.length + after.length)
  bytes.write(before, 0, 'latin1')
  bytes.write(key, before.length, 'latin1')
  bytes.write(after, before.length + key.length, 'latin1')
  return bytes
}

import {
  type AskApproval,
  allow,
  approval,
  deny,
  type PolicyInput,
  type PolicyVerdict,
  type StepUp,
  stepUp,
} from '../access/policy.js'
import type { Caller } from '../caller.js'
import { didYouMean } from '../configuration/nearest.js'
import { z } from '../configuration/schema.js'
import { type AskInteraction, type InteractOptions, interact } from '../interaction/ask.js'
import type { PolicyEngineOptions } from './question.js'

/**
 * What a policy engine requires beside its decision. If it allows, everything must be done before the call is carried
 * out. If it forbids, only `stepUp` counts: the agent is sent for what would be enough. An approval cannot turn a no
 * into a yes.
 */
export interface Obligations {
  /** Scopes to be granted, a fresh grant, or both; as in `stepUp()`. */
  readonly stepUp?: { readonly scope?: string | readonly string[]; readonly fresh?: boolean }
  /** Somebody has to approve. The option `ask` is called with the `subject`, as in `approval()`. */
  readonly approval?: { readonly subject?: string }
  /** A person has to agree on our page, as in `interact()`. */
  readonly interact?: InteractOptions
}

const names = ['stepUp', 'approval', 'interact'] as const

const schema = z.strictObject({
  stepUp: z
    .strictObject({
      scope: z.union([z.string().min(1), z.array(z.string().min(1)).max(100)]).optional(),
      fresh: z.boolean().optional(),
    })
    .refine((step) => Object.keys(step).length > 0, 'must name scopes, or fresh')
    .optional(),
  approval: z.strictObject({ subject: z.string().min(1).optional() }).optional(),
  // Its members are checked by `interact`.
  interact: z.record(z.string(), z.unknown()).optional(),
})

/** Refuses a name that looks like a misspelt obligation, because it would have no effect. */
export function refuseMisspelt(name: string, more: readonly string[] = []): void {
  const known = [...names, ...more]
  if (known.includes(name)) return
  const meant = didYouMean(name, known)
  if (meant !== '')
    throw new TypeError(`the policy engine named the obligation ${JSON.stringify(name)}${meant}`)
}

/**
 * Reads obligations from an engine's answer. Other members are ignored.
 *
 * @throws TypeError for one that cannot be carried out
 */
export function readObligations(answered: unknown): Obligations {
  if (answered === undefined || answered === null) return {}
  if (typeof answered !== 'object' || !isPlain(answered))
    throw new TypeError('the obligations of the policy engine must be an object')
  for (const [name, value] of Object.entries(answered)) {
    refuseMisspelt(name)
    refuseElsewhere(name, value)
  }
  const given = answered as Readonly<Record<string, unknown>>
  const found = Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]]] : [])),
  )
  const parsed = schema.safeParse(found)
  const [issue] = parsed.error?.issues ?? []
  if (issue !== undefined)
    throw new TypeError(`the policy engine's obligation ${issue.path.join('.')}: ${issue.message}`)
  return parsed.data as Obligations
}

/** A list, a promise or a map has no members by name, so obligations in it would be missed. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Objects of another realm are plain too.
  return prototype === null || (!Array.isArray(value) && Object.getPrototypeOf(prototype) === null)
}

/** Refuses obligations that are one level deeper, as some engines have them, unless the options say so. */
function refuseElsewhere(name: string, value: unknown): void {
  if (!/^obligations?$/i.test(name)) return
  const isEmpty = value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  if (!isEmpty)
    throw new TypeError(
      `the policy engine has its obligations in ${JSON.stringify(name)}, where nobody looks`,
    )
}

// The same period as for `stepUp`: a grant issued within the last minute is a new one.
const freshSeconds = 60

/**
 * Turns an engine's answer into a verdict. If it requires a step-up of a caller that has no grant to widen, the core
 * answers `500`.
 *
 * @param obligations of all policies that decided
 * @throws TypeError when they cannot all be carried out; a `500`
 */
export function verdictOf<C extends Caller>(
  { caller, now }: Pick<PolicyInput<C>, 'caller' | 'now'>,
  isAllowed: boolean,
  obligations: readonly Obligations[],
  ask: PolicyEngineOptions['ask'],
): PolicyVerdict<C> {
  const more = missing(caller, now, obligations)
  if (!isAllowed && (more === undefined || !('person' in caller))) return deny()
  return (more ?? hold(obligations, ask) ?? allow()) as PolicyVerdict<C>
}

function missing(caller: Caller, now: number, obligations: readonly Obligations[]): StepUp | undefined {
  const steps = obligations.flatMap(({ stepUp: step }) => (step === undefined ? [] : [step]))
  const held = caller.kind === 'grant' ? caller.scope : []
  const scope = steps.flatMap((step) => step.scope ?? []).filter((name) => !held.includes(name))
  const isFresh = caller.kind === 'grant' && now - caller.token.iat <= freshSeconds
  const fresh = steps.some((step) => step.fresh === true) && !isFresh
  return scope.length === 0 && !fresh ? undefined : stepUp({ scope: [...new Set(scope)], fresh })
}

function hold(
  obligations: readonly Obligations[],
  ask: PolicyEngineOptions['ask'],
): AskApproval | AskInteraction | undefined {
  const holds = new Map<string, AskApproval | AskInteraction>()
  for (const { approval: wanted, interact: shown } of obligations) {
    if (wanted !== undefined) {
      if (ask === undefined)
        throw new TypeError('the policy engine wants an approval, which needs the option ask')
      holds.set(`approval ${JSON.stringify(wanted)}`, approval({ ...wanted, ask }))
    }
    if (shown !== undefined) holds.set(`interact ${JSON.stringify(shown)}`, interact(shown))
  }
  // After the first approval the policy would count as met, and nobody would be asked for the second.
  if (holds.size > 1)
    throw new TypeError('the policy engine wants several approvals; one policy can ask for one')
  return holds.values().next().value
}

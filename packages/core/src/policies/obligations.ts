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
 * What a policy engine wants beside its yes or no. With a yes everything has to be done before the call is carried out.
 * With a no only `stepUp` counts: the agent is sent for what would be enough, and an approval makes no yes of a no.
 */
export interface Obligations {
  /** Scopes to be granted, a fresh grant, or both; as of `stepUp()`. */
  readonly stepUp?: { readonly scope?: string | readonly string[]; readonly fresh?: boolean }
  /** Somebody has to approve: the option `ask` is called with the `subject`, as for `approval()`. */
  readonly approval?: { readonly subject?: string }
  /** A person has to agree on our page, as for `interact()`. */
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
  // What is in it `interact` itself checks.
  interact: z.record(z.string(), z.unknown()).optional(),
})

/** Refuses a name that was meant to be an obligation: nobody would do it. */
export function refuseMisspelt(name: string, more: readonly string[] = []): void {
  const known = [...names, ...more]
  if (known.includes(name)) return
  const meant = didYouMean(name, known)
  if (meant !== '')
    throw new TypeError(`the policy engine named the obligation ${JSON.stringify(name)}${meant}`)
}

/**
 * Reads obligations out of an engine's answer; members that are none are left alone.
 *
 * @throws TypeError for one that nobody could carry out
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

/** A list, a promise or a map has no members by name, and what it holds would be met by nobody. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // An object of another realm as well.
  return prototype === null || (!Array.isArray(value) && Object.getPrototypeOf(prototype) === null)
}

/** Refuses obligations that are a level further down, as some engines have them, with nobody having said so. */
function refuseElsewhere(name: string, value: unknown): void {
  if (!/^obligations?$/i.test(name)) return
  const isEmpty = value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  if (!isEmpty)
    throw new TypeError(
      `the policy engine has its obligations in ${JSON.stringify(name)}, where nobody looks`,
    )
}

// As long as the rule of `stepUp`: a grant of the last minute is what was asked for.
const freshSeconds = 60

/**
 * The verdict that an engine's answer is. Where it wants a step up of a caller that has no grant to widen, the core
 * refuses it with `500`.
 *
 * @param obligations of everything that decided
 * @throws TypeError when they cannot all be carried out, which is a `500`
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
  // Once the first was given the policy would count as met, and nobody would be asked for the second.
  if (holds.size > 1)
    throw new TypeError('the policy engine wants several approvals; one policy can ask for one')
  return holds.values().next().value
}

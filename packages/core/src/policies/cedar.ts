import { randomUUID } from 'node:crypto'
import type { Policy, PolicyInput } from '../access/policy.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { type Obligations, readObligations, refuseMisspelt, verdictOf } from './obligations.js'
import { type FindUnfit, plainJson, unfit } from './plain.js'
import {
  type AskedEntity,
  engineShape,
  functionSchema,
  type PolicyEngineOptions,
  questionOf,
} from './question.js'

/** Cedar's answer when it could not evaluate. */
export interface CedarFailure {
  readonly type: 'failure'
  readonly errors: readonly { readonly message: string }[]
}

/** The name of an entity in Cedar: `Person::"…"`. */
export interface CedarName {
  readonly type: string
  readonly id: string
}

/** An entity in Cedar's JSON. */
export interface CedarEntity {
  readonly uid: CedarName
  readonly attrs: Record<string, never>
  readonly parents: CedarName[]
}

/** The part of `@cedar-policy/cedar-wasm` that is used. */
export interface CedarEngine {
  policySetTextToParts(
    text: string,
  ):
    | { readonly type: 'success'; readonly policies: string[]; readonly policy_templates: string[] }
    | CedarFailure
  policyToJson(policy: string):
    | {
        readonly type: 'success'
        readonly json: { readonly effect: string; readonly annotations?: object }
      }
    | CedarFailure
  preparsePolicySet(
    name: string,
    policies: { readonly staticPolicies: Record<string, string> },
  ): { readonly type: 'success' } | CedarFailure
  statefulIsAuthorized(call: {
    readonly principal: CedarName
    readonly action: CedarName
    readonly resource: CedarName
    readonly context: Record<string, never>
    readonly preparsedPolicySetId: string
    readonly entities: CedarEntity[]
  }):
    | {
        readonly type: 'success'
        readonly response: {
          readonly decision: string
          readonly diagnostics: {
            readonly reason: readonly string[]
            readonly errors: readonly { readonly policyId: string }[]
          }
        }
      }
    | CedarFailure
}

/** The policies, and what evaluates them. */
export interface CedarOptions<C extends Caller = Caller, Raw = unknown> extends PolicyEngineOptions<C, Raw> {
  /** `import * as cedar from '@cedar-policy/cedar-wasm/nodejs'` */
  readonly cedar: CedarEngine
  /** Policies in Cedar's language; no templates. */
  readonly policies: string
  /**
   * The entities that the policies may look up. Default: principal and resource with their properties as attributes,
   * without parents.
   */
  readonly entities?: (input: PolicyInput<C, Raw>) => Awaitable<CedarEntity[]>
}

const schema = z.strictObject({
  ...engineShape,
  cedar: z.custom<CedarEngine>(
    (value) => typeof (value as CedarEngine | null | undefined)?.statefulIsAuthorized === 'function',
    'must be @cedar-policy/cedar-wasm',
  ),
  policies: z.string('must be Cedar policies in text').min(1, 'must not be empty'),
  entities: functionSchema,
})

/**
 * A policy that evaluates Cedar policies in this process. The types are `Person`, `Agent`, `User` and `Route`, and
 * the action is `Action::"GET"`. Annotations are {@link Obligations}: `@stepUp("notes.write")` names scopes,
 * separated by spaces, or none; `@fresh`; `@approval("foreman")` names the subject, or none; `@interact("Delete the
 * notebook")` says what the person is asked. The obligations of every policy that decided must be met. On a `forbid`
 * only `@stepUp` and `@fresh` count, and only if every `forbid` that applied has one.
 *
 * Fails closed, with `403`: for a policy that cannot be evaluated, which Cedar itself would skip, and for input that
 * Cedar cannot take: `null`, numbers that are not whole or beyond 2^53 - 1, and members named `__entity`, `__extn` or
 * `__expr`.
 *
 * @throws TypeError for an invalid option, policies that cannot be parsed, and annotations that cannot be carried out
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { type CedarEngine, cedarPolicy } from '@countersign/core/policies'
 *
 * declare const cedar: CedarEngine // all that cedar-wasm exports
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   policy: cedarPolicy({
 *     cedar,
 *     policies: `
 *       permit (principal is Person, action == Action::"GET", resource);
 *       permit (principal is Person, action == Action::"DELETE", resource);
 *     `,
 *   }),
 * })
 * ```
 */
export function cedarPolicy<C extends Caller = Caller, Raw = unknown>(
  options: CedarOptions<C, Raw>,
): Policy<C, Raw> {
  checkConfiguration(schema, options, { prefix: 'cedarPolicy: ', opaque: new Set(['cedar']) })
  const { cedar, ask } = options
  const { name, obligations } = readPolicies(options)
  return async function cedarPolicies(input: PolicyInput<C, Raw>) {
    const question = await questionOf(input, options, findUnfit)
    const principal = named(question.principal)
    const resource = named(question.resource)
    const entities =
      options.entities === undefined ? [principal, resource] : lookedUp(await options.entities(input))
    const call = {
      principal: principal.uid,
      action: { type: 'Action', id: question.action },
      resource: resource.uid,
      context: question.context,
      preparsedPolicySetId: name,
    }
    const answer = cedar.statefulIsAuthorized({ ...call, entities })
    if (answer.type === 'failure') throw failureOf(answer, cedar, call, options.entities !== undefined)
    const { decision, diagnostics } = answer.response
    // Cedar decides without a policy that fails, even if it is the one that forbids. It fails because of the
    // question, since policies are checked when they are declared. Details are not reported, because they name
    // people.
    if (diagnostics.errors.length > 0)
      throw unfit(`${diagnostics.errors.map(({ policyId }) => policyId).join(', ')} could not be evaluated`)
    const isAllowed = decision === 'allow'
    const wanted = diagnostics.reason.map((id) => obligations.get(id) ?? {})
    const counts = isAllowed || wanted.every(({ stepUp }) => stepUp !== undefined)
    return verdictOf(input, isAllowed, counts ? wanted : [], ask)
  }
}

function readPolicies<C extends Caller, Raw>({
  cedar,
  policies,
  ask,
}: CedarOptions<C, Raw>): {
  readonly name: string
  readonly obligations: ReadonlyMap<string, Obligations>
} {
  const parts = cedar.policySetTextToParts(policies)
  if (parts.type === 'failure') throw new TypeError(`cedarPolicy: policies: ${fault(parts)}`)
  if (parts.policy_templates.length > 0)
    throw new TypeError('cedarPolicy: policies: must be policies; there are templates among them')
  const obligations = new Map(
    parts.policies.map((text, place) => [`policy ${place}`, obligationsIn(cedar, text)] as const),
  )
  if (ask === undefined && [...obligations.values()].some(({ approval }) => approval !== undefined))
    throw new TypeError('cedarPolicy: ask: must be a function, since a policy has the annotation @approval')
  const name = `countersign ${randomUUID()}`
  const staticPolicies = Object.fromEntries(parts.policies.map((text, place) => [`policy ${place}`, text]))
  const parsed = cedar.preparsePolicySet(name, { staticPolicies })
  if (parsed.type === 'failure') throw new TypeError(`cedarPolicy: policies: ${fault(parsed)}`)
  return { name, obligations }
}

function obligationsIn(cedar: CedarEngine, text: string): Obligations {
  const read = cedar.policyToJson(text)
  if (read.type === 'failure') throw new TypeError(`cedarPolicy: policies: ${fault(read)}`)
  const annotations = new Map<string, unknown>(Object.entries(read.json.annotations ?? {}))
  for (const name of annotations.keys()) refuseMisspelt(name, ['fresh'])
  if (read.json.effect === 'forbid' && (annotations.has('approval') || annotations.has('interact')))
    throw new TypeError(
      'cedarPolicy: policies: @approval and @interact are for a permit; no approval makes a yes of a no',
    )
  // An annotation without a value is null or empty, depending on the version of Cedar.
  const value = (name: string): string => String(annotations.get(name) ?? '')
  const scope = value('stepUp').split(' ').filter(Boolean)
  if (annotations.has('stepUp') && scope.length === 0)
    throw new TypeError('cedarPolicy: policies: @stepUp must name scopes')
  const fresh = annotations.has('fresh')
  const subject = value('approval')
  const description = value('interact')
  return readObligations({
    ...(scope.length + Number(fresh) > 0 && { stepUp: { scope, fresh } }),
    ...(annotations.has('approval') && { approval: subject === '' ? {} : { subject } }),
    ...(annotations.has('interact') && { interact: description === '' ? {} : { description } }),
  })
}

const types: ReadonlyMap<string, string> = new Map([
  ['person', 'Person'],
  ['agent', 'Agent'],
  ['user', 'User'],
  ['route', 'Route'],
])

function named({ type, id, properties }: AskedEntity): CedarEntity {
  return { uid: { type: types.get(type) ?? type, id }, attrs: properties, parents: [] }
}

/** The entities that the application looked up. Without them, a policy that forbids because of them would not apply. */
function lookedUp(entities: unknown): CedarEntity[] {
  if (!Array.isArray(entities)) throw new TypeError('option entities: must answer a list of entities')
  const plain: unknown = plainJson('entities', entities, findUnfitValue)
  return plain as CedarEntity[]
}

const findUnfitValue: FindUnfit = (_, value) => {
  if (value === null) return 'null'
  return typeof value === 'number' && !Number.isSafeInteger(value)
    ? 'a number that is not whole, or too large'
    : undefined
}

/**
 * Cedar reads an object with a member such as `__entity` as a reference to an entity. A caller whose input the
 * application passes on could then pose as somebody else.
 */
const findUnfit: FindUnfit = (name, value) =>
  escapes.has(name) ? `a member called ${name}` : findUnfitValue(name, value)

const escapes: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr'])

/**
 * The error when Cedar could not evaluate. Either the question is at fault, for example a type that is no name, or a
 * resource that is also the principal with other properties; or else the engine, or the entities of the application.
 * Cedar does not say which. Details of a question are not reported, because they name people.
 */
function failureOf(
  answer: CedarFailure,
  cedar: CedarEngine,
  call: Omit<Parameters<CedarEngine['statefulIsAuthorized']>[0], 'entities'>,
  isLookedUp: boolean,
): Error {
  const isFailing = (what: typeof call): boolean =>
    cedar.statefulIsAuthorized({ ...what, entities: [] }).type === 'failure'
  const some = { type: 'Route', id: '' }
  const isOfOthers =
    isFailing({ ...call, principal: some, action: some, resource: some, context: {} }) ||
    (isLookedUp && !isFailing(call))
  return isOfOthers
    ? new Error(`Cedar: ${fault(answer)}`)
    : unfit(
        'the type of its principal or resource is no name in Cedar, or both are one entity with different properties',
      )
}

function fault({ errors }: CedarFailure): string {
  return errors.map(({ message }) => message).join('; ')
}

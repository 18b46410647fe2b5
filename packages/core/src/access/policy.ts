import type { Awaitable } from '../awaitable.js'
import type { Agent, Caller, Connected } from '../caller.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import type { AskInteraction } from '../interaction/ask.js'
import type { PendingView } from '../pending/view.js'
import type { Deadline } from '../time/deadline.js'

/** What a policy decides by. `signal` is an accessor of this object, so a copy (`{ ...input }`) has none. */
export interface PolicyInput<C extends Caller = Caller, Raw = unknown> extends Deadline {
  readonly caller: C
  readonly request: RequestView<Raw>
  /** Seconds, by this server's clock. */
  readonly now: number
  /** The users who have approved this call, in order; empty before an approval, or where approvals name nobody (G-76). */
  readonly approvedBy: readonly string[]
}

/** No objection. */
export interface Allow {
  readonly verdict: 'allow'
}

/** Refuse with `403`. */
export interface Deny {
  readonly verdict: 'deny'
  readonly code: string
  readonly detail: string | undefined
}

/** Challenge for a wider grant: a resource token that names these scopes as well. */
export interface StepUp {
  readonly verdict: 'step-up'
  readonly scope: readonly string[]
  readonly fresh: boolean
}

/** Hold the call until somebody else has approved it. */
export interface AskApproval extends ApprovalOptions {
  readonly verdict: 'approval'
}

/** What is to be approved, and who is told of it. */
export interface ApprovalOptions {
  /**
   * Names the approval, where one call may need several: `'finance'`, `'legal'`. Once a call was approved under this
   * name, the policy's verdict counts as met, whichever policy and guard asked. Default: one name for each policy of
   * each guard on the way; a policy that several guards share needs one approval.
   */
  readonly subject?: string
  /**
   * Called for every held request, once it is in the store. Keep its `id`, and call `pending.approve(id)` or
   * `pending.deny(id)` when somebody has decided. If it throws, the request is answered `500` and is not held.
   */
  readonly ask: (pending: PendingView, deadline: Deadline) => Awaitable<unknown>
}

/** What a policy returns. There is no step-up where only an agent is known. */
export type PolicyVerdict<C extends Caller = Caller> =
  | Allow
  | Deny
  | AskApproval
  | AskInteraction
  | (C extends Agent | Connected ? never : StepUp)

/**
 * A rule of the resource's own. It runs after everything else has passed and has the last word: the person's consent
 * never overrides it (AAuth 13.7). If it throws, the request is answered `500`; if it does not answer within the
 * option `policyTimeout`, `503 policy_unavailable`. Neither lets the request pass.
 */
export type Policy<C extends Caller = Caller, Raw = unknown> = (
  input: PolicyInput<C, Raw>,
) => Awaitable<PolicyVerdict<C>>

/** One policy, or several. The first that does not allow decides. */
export type Policies<C extends Caller = Caller, Raw = unknown> = Policy<C, Raw> | readonly Policy<C, Raw>[]

/**
 * The policy has no objection.
 *
 * @example
 * ```ts
 * import { allow, deny, type Policy } from '@countersign/core'
 *
 * const businessHours: Policy = ({ now }) =>
 *   new Date(now * 1000).getUTCHours() < 20 ? allow() : deny('closed', 'Orders are taken until 20:00 UTC.')
 * ```
 */
export function allow(): Allow {
  return { verdict: 'allow' }
}

/**
 * The policy refuses.
 *
 * @param code the `error` member of the answer: lower-case words joined by `_`. Default `access_denied`
 * @param detail one sentence for the caller
 * @throws TypeError when `code` has another form; inside a policy that is a `500`
 *
 * @example
 * ```ts
 * import { allow, deny, type Policy } from '@countersign/core'
 *
 * const noSchools: Policy = ({ caller }) =>
 *   'tenant' in caller && caller.tenant === 'school'
 *     ? deny('not_for_schools', 'This account cannot buy tobacco.')
 *     : allow()
 * ```
 */
export function deny(code = 'access_denied', detail?: string): Deny {
  if (typeof code !== 'string' || !codeText.test(code))
    throw new TypeError('deny: code must be lower-case words joined by _, of 64 characters at most')
  if (detail !== undefined && typeof detail !== 'string') throw new TypeError('deny: detail must be a string')
  return { verdict: 'deny', code, detail }
}

/**
 * The policy requires more of the person. The agent is sent for these scopes as well (AAuth 6.5), or with `fresh` for
 * a new grant of the scopes that it has. A grant counts as new for a minute after it was issued; then the next policy
 * runs. A grant that holds all the scopes already, without `fresh`, is a `403`: asking again would change nothing.
 *
 * @throws TypeError when the argument has another form
 *
 * @example
 * ```ts
 * import { allow, type Grant, type Policy, stepUp } from '@countersign/core'
 *
 * const largeOrders: Policy<Grant> = ({ caller, request }) =>
 *   request.method === 'POST' && !caller.scope.includes('shop.buy.large')
 *     ? stepUp({ scope: 'shop.buy.large' })
 *     : allow()
 * ```
 */
export function stepUp(more: {
  /** Scopes of ours, and identity scopes. An identity scope that the person's server does not support is a `403`. */
  readonly scope?: string | readonly string[]
  readonly fresh?: boolean
}): StepUp {
  checkConfiguration(stepUpSchema, more, { prefix: 'stepUp: ' })
  const { scope = [], fresh = false } = more
  return { verdict: 'step-up', scope: typeof scope === 'string' ? [scope] : scope, fresh }
}

const stepUpSchema = z.strictObject({
  scope: z.union([z.string(), z.array(z.string())], 'must be a scope or several').optional(),
  fresh: z.boolean('must be a boolean').optional(),
})

/** The schema of {@link Policies}. */
export const policiesSchema: z.ZodType<Policies> = z.custom<Policies>(
  (value) => [value].flat().every((policy) => typeof policy === 'function'),
  'must be a function or a list of functions',
)

/** The policies as a list. */
export function policyList(policies: Policies | undefined): readonly Policy[] {
  return policies === undefined ? [] : [policies].flat()
}

/**
 * The policy requires approval by somebody else. The call is held and answered `202 requirement=approval`. After
 * `pending.approve(id)` the agent's next poll carries it out, and the policy runs again (AAuth 11.6.4).
 *
 * @throws TypeError when `ask` is missing, since nobody would learn of the call, or when the argument has another
 * form
 *
 * @example
 * ```ts
 * import { allow, approval, type PendingView, type Policy } from '@countersign/core'
 *
 * declare const inbox: { add(id: string, method: string | undefined): Promise<void> }
 *
 * const foremanDecides: Policy = ({ request }) =>
 *   request.method === 'DELETE'
 *     ? approval({
 *         subject: 'foreman',
 *         ask: ({ id, request: call }: PendingView) => inbox.add(id, call?.method),
 *       })
 *     : allow()
 * ```
 */
export function approval(options: ApprovalOptions): AskApproval {
  if (typeof options?.ask !== 'function') throw askMissing()
  checkConfiguration(approvalSchema, options, { prefix: 'approval: ' })
  return { verdict: 'approval', ...options }
}

const approvalSchema = z.strictObject({
  subject: z.string().min(1, 'must not be empty').optional(),
  ask: z.unknown(),
})

/** Without `ask` nobody would learn of the call, and it would wait until it expires. */
export function askMissing(): TypeError {
  return new TypeError('approval: ask must be a function, which tells whoever decides')
}

const codeText = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/

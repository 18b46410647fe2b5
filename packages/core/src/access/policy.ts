import type { Awaitable } from '../awaitable.js'
import type { Agent, Caller, Connected } from '../caller.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import type { AskInteraction } from '../interaction/ask.js'
import type { PendingView } from '../pending/view.js'
import type { Deadline } from '../time/deadline.js'

/** What a policy decides by. `signal` is an accessor of the input itself: a copy of it, `{ ...input }`, has none. */
export interface PolicyInput<C extends Caller = Caller, Raw = unknown> extends Deadline {
  readonly caller: C
  readonly request: RequestView<Raw>
  /** Seconds, by this server's clock. */
  readonly now: number
  /**
   * Who has approved this call, by the application's own names, in order; empty until somebody has who was named
   * (G-76).
   */
  readonly approvedBy: readonly string[]
}

/** Go on. */
export interface Allow {
  readonly verdict: 'allow'
}

/** Refuse with `403`. */
export interface Deny {
  readonly verdict: 'deny'
  readonly code: string
  readonly detail: string | undefined
}

/** Ask for more before going on: a new resource token for these scopes as well. */
export interface StepUp {
  readonly verdict: 'step-up'
  readonly scope: readonly string[]
  readonly fresh: boolean
}

/** Hold the call until somebody else has approved it. */
export interface AskApproval extends ApprovalOptions {
  readonly verdict: 'approval'
}

/** What an approval is about, and who is told. */
export interface ApprovalOptions {
  /**
   * Tells apart the approvals that one call may need: `'finance'`, `'legal'`. When a policy is asked again about a call
   * that was approved under this name, its verdict counts as met, whichever policy and guard asked. Default: a name for
   * each policy of each guard that the request goes through; one policy that several guards have is asked once.
   */
  readonly subject?: string
  /**
   * Told of every request that waits, once it is in the store: write down its `id` and call `pending.approve(id)` or
   * `pending.deny(id)` when somebody has decided. If it throws the request is answered `500` and nothing waits.
   */
  readonly ask: (pending: PendingView, deadline: Deadline) => Awaitable<unknown>
}

/** What a policy answers. There is nothing to step up from where only an agent is known. */
export type PolicyVerdict<C extends Caller = Caller> =
  | Allow
  | Deny
  | AskApproval
  | AskInteraction
  | (C extends Agent | Connected ? never : StepUp)

/**
 * The resource's own rule, which has the last word: it runs after everything else has passed, and the person's consent
 * never overrides it (AAuth 13.7). One that throws refuses the request with `500`, and one that does not answer within the
 * option `policyTimeout` with `503 policy_unavailable`; neither ever lets it pass.
 */
export type Policy<C extends Caller = Caller, Raw = unknown> = (
  input: PolicyInput<C, Raw>,
) => Awaitable<PolicyVerdict<C>>

/** One policy, or several: the first that does not allow decides. */
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
 * @param code the `error` member of the answer: lower-case words joined by `_`. Default `access_denied`.
 * @param detail one sentence for the caller
 * @throws TypeError when `code` is something else; from within a policy that is a `500`
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
 * The policy wants more of the person: the agent is sent for these scopes too (AAuth 6.5), or, with `fresh`, for a new
 * grant of what it has: one that was issued within the last minute is new, and the next policy is asked. Where a grant
 * holds all of it already and nothing fresh is wanted, that is a `403`: asking again would go round in circles.
 *
 * @throws TypeError when something else is said than that
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
  /** Scopes of ours, and identity scopes; of these, one that the person's server does not list is a `403`. */
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

/** Makes a list of what a user gave. */
export function policyList(policies: Policies | undefined): readonly Policy[] {
  return policies === undefined ? [] : [policies].flat()
}

/**
 * The policy wants somebody else's word: the call is put aside and answered `202 requirement=approval`; once
 * `pending.approve(id)` was called, the agent's next poll carries it out, through the policy once more (AAuth 11.6.4).
 *
 * @throws TypeError when `ask` is missing: nobody would know that there is something to decide; or when something else
 * is said than {@link ApprovalOptions}
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

/** Without `ask` a call would wait for nobody until its time is up. */
export function askMissing(): TypeError {
  return new TypeError('approval: ask must be a function, which tells whoever decides')
}

const codeText = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/

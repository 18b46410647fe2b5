import type { Caller } from '../caller.js'
import type { PendingView } from '../pending/view.js'
import type { Awaitable } from '../store/store.js'

/** The request as a policy sees it. Everything in it is the caller's own word. */
export interface PolicyRequest {
  readonly method: string
  /** As received: not decoded, not normalised, without the query. */
  readonly path: string
  /** As received, without the `?`; empty when there is none. */
  readonly query: string
}

/** What a policy decides by. */
export interface PolicyInput<C extends Caller = Caller> {
  readonly caller: C
  readonly request: PolicyRequest
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
}

/** Hold the call until somebody else has approved it. */
export interface AskApproval extends ApprovalOptions {
  readonly verdict: 'approval'
  readonly subject: string
}

/** What an approval is about, and who is told. */
export interface ApprovalOptions {
  /**
   * Tells apart the approvals that one call may need: `'finance'`, `'legal'`. Default `'approval'`. When the policy is
   * asked again about a call that was approved under this name, its verdict counts as met.
   */
  readonly subject?: string
  /**
   * Told of every request that waits, once it is in the store: write down its `id` and call `pending.approve(id)` or
   * `pending.deny(id)` when somebody has decided. If it throws the request is answered `500` and nothing waits.
   */
  readonly ask?: (pending: PendingView) => Awaitable<unknown>
}

/** What a policy answers. */
export type PolicyVerdict = Allow | Deny | StepUp | AskApproval

/**
 * The resource's own rule, which has the last word: it runs after everything else has passed, and the person's consent
 * never overrides it (AAuth 13.7). One that throws refuses the request with `500`; it never lets it pass.
 */
export type Policy<C extends Caller = Caller> = (input: PolicyInput<C>) => Awaitable<PolicyVerdict>

/** The policy has no objection. */
export function allow(): Allow {
  return { verdict: 'allow' }
}

/**
 * The policy refuses.
 *
 * @param code the `error` member of the answer: lower-case words joined by `_`. Default `access_denied`.
 * @param detail one sentence for the caller
 */
export function deny(code = 'access_denied', detail?: string): Deny {
  return { verdict: 'deny', code, detail }
}

/** The policy wants more of the person: the agent is sent for these scopes too (AAuth 6.5). */
export function stepUp(more: { readonly scope: string | readonly string[] }): StepUp {
  return { verdict: 'step-up', scope: typeof more.scope === 'string' ? [more.scope] : more.scope }
}

/**
 * The policy wants somebody else's word: the call is put aside and answered `202 requirement=approval`; once
 * `pending.approve(id)` was called, the agent's next poll carries it out, through the policy once more (AAuth 11.6.4).
 */
export function approval(options: ApprovalOptions = {}): AskApproval {
  return { verdict: 'approval', subject: 'approval', ...options }
}

import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { isUser } from '../identifiers.js'

/** The verdict of a policy that a person has to approve this call on our page; made by {@link interact}. */
export interface AskInteraction extends InteractOptions {
  readonly verdict: 'interact'
}

/** What a person is asked to approve on our page, and who may approve it. */
export interface InteractOptions {
  /** Names the approval, where one call may need several; as `subject` of `approval`. */
  readonly subject?: string
  /** What the call is for, shown on the page. Plain text. */
  readonly description?: string
  /**
   * The users who may approve, by one or several names as the login returns them. Other users who sign in are told
   * that they cannot approve, and see nothing of the call. Default: for a session its user, otherwise anyone who can
   * sign in (G-76).
   */
  readonly by?: string | readonly string[]
  /**
   * Whether the application remembers the approval and does not ask this agent again, without a session (AAuth
   * 12.1.1). The page then says that the agent stays connected until the person ends that in their account. Record
   * the approval in the policy, when it runs again with `approvedBy`. Default `false`: the page says that the
   * approval is for once.
   */
  readonly lasting?: boolean
}

/**
 * A policy verdict: a person who is signed in to the application has to approve this call on our page. The answer is
 * `202` with `requirement=interaction`. After the approval the agent's next poll carries the call out, and the policy
 * runs again (AAuth 6.2). Requires the option `interaction`.
 *
 * @throws TypeError when `by` names nobody, or the argument has another form; inside a policy that is a `500`
 *
 * @example
 * ```ts
 * import { allow, interact, type Policy } from '@countersign/core'
 *
 * const ownerConfirms: Policy = ({ request }) =>
 *   request.method === 'DELETE'
 *     ? interact({ description: 'Delete the notebook', by: 'mom' })
 *     : allow()
 * ```
 */
export function interact(options: InteractOptions = {}): AskInteraction {
  // If a misspelt `by` were ignored, anybody could approve.
  checkConfiguration(interactSchema, options, { prefix: 'interact: ' })
  return { verdict: 'interact', ...options }
}

const interactSchema = z.strictObject({
  subject: z.string().min(1, 'must not be empty').optional(),
  description: z.string().optional(),
  lasting: z.boolean('must be a boolean').optional(),
  by: z.custom(isUserList, 'must name one user or several').optional(),
})

/** Whether a value is a user's name or a non-empty list of them. */
export function isUserList(by: unknown): by is string | readonly string[] {
  const users: readonly unknown[] = Array.isArray(by) ? by : [by]
  return users.length > 0 && users.every(isUser)
}

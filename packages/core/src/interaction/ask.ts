import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { isUser } from '../identifiers.js'

/** The verdict of a policy by which a person has to approve this very call on our page; made by {@link interact}. */
export interface AskInteraction extends InteractOptions {
  readonly verdict: 'interact'
}

/** What a person is asked to approve on our page, and who may. */
export interface InteractOptions {
  /** Tells apart the approvals that one call may need, as the subject of `approval` does. */
  readonly subject?: string
  /** Shown on the page beside the call: what it is for. Plain text. */
  readonly description?: string
  /**
   * Who may approve: one or several of the application's own names, as its login gives them. Other people who sign in are
   * told that they cannot approve, and see nothing of the call. Default: for a session the person whose session it is,
   * otherwise anybody who can sign in (G-76).
   */
  readonly by?: string | readonly string[]
  /**
   * Whether the application remembers the approval and does not ask this agent again, without any session (AAuth 12.1.1).
   * The page then says that the agent is connected until the person ends it in their account. Default `false`: it says
   * once. Write it down in the policy, when it is asked again with `approvedBy`.
   */
  readonly lasting?: boolean
}

/**
 * A verdict for policies: a person who is signed in to the application has to approve this very call on our page. The
 * answer is `202` with `requirement=interaction`; after the approval the agent's next poll carries the call out, through
 * the policy once more (AAuth 6.2). Needs the option `interaction`.
 *
 * @throws TypeError when `by` names nobody, or something else is said than {@link InteractOptions}; from within a policy
 * that is a `500`
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
  // With a misspelt `by` anybody could approve.
  checkConfiguration(interactSchema, options, { prefix: 'interact: ' })
  return { verdict: 'interact', ...options }
}

const interactSchema = z.strictObject({
  subject: z.string().min(1, 'must not be empty').optional(),
  description: z.string().optional(),
  lasting: z.boolean('must be a boolean').optional(),
  by: z.custom(isUserList, 'must name one user or several').optional(),
})

/** Whether a value is a user or a list of users, at least one. */
export function isUserList(by: unknown): by is string | readonly string[] {
  const users: readonly unknown[] = Array.isArray(by) ? by : [by]
  return users.length > 0 && users.every(isUser)
}

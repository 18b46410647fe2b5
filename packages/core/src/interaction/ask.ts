import { z } from 'zod'
import { checkConfiguration } from '../configuration.js'
import { isUser } from '../identifiers.js'

/** What a policy answers that wants a person to approve this very call on our page. */
export interface AskInteraction extends InteractOptions {
  readonly verdict: 'interact'
}

/** What a person is asked on our page. */
export interface InteractOptions {
  /**
   * Tells apart the approvals that one call may need, as the one of `approval` does.
   */
  readonly subject?: string
  /** What the page says is asked for, beside the call itself. Plain text. */
  readonly description?: string
  /**
   * Who may approve: one or several of the application's own names, as its login gives them. Whoever else signs in is
   * told so and sees nothing of the call. Default: for a session the person whose session it is, otherwise whoever can
   * sign in (G-76).
   */
  readonly by?: string | readonly string[]
}

/**
 * The policy wants a person to approve this very call on our page, signed in to the application: `202
 * requirement=interaction`; then the agent's next poll carries it out, through the policy once more (AAuth 6.2). Needs the
 * option `interaction`.
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
  // By a misspelt `by` anybody could approve.
  checkConfiguration(interactSchema, options, { prefix: 'interact: ' })
  return { verdict: 'interact', ...options }
}

const interactSchema = z.strictObject({
  subject: z.string().min(1, 'must not be empty').optional(),
  description: z.string().optional(),
  by: z.custom(isUserList, 'must name one user or several').optional(),
})

/** Whether something names users: one or several, none of them empty. */
export function isUserList(by: unknown): by is string | readonly string[] {
  const users: readonly unknown[] = Array.isArray(by) ? by : [by]
  return users.length > 0 && users.every(isUser)
}

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
 * @throws TypeError when `by` names nobody
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
  if ('by' in options && !isUserList(options.by))
    throw new TypeError('interact: by must name one user or several')
  return { verdict: 'interact', ...options }
}

/** Whether something names users: one or several, none of them empty. */
export function isUserList(by: unknown): by is string | readonly string[] {
  const users: readonly unknown[] = Array.isArray(by) ? by : [by]
  return users.length > 0 && users.every((user) => typeof user === 'string' && user !== '')
}

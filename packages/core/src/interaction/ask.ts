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
}

/**
 * The policy wants a person to approve this very call on our page, signed in to the application: `202
 * requirement=interaction`; then the agent's next poll carries it out, through the policy once more (AAuth 6.2). Needs the
 * option `interaction`.
 */
export function interact(options: InteractOptions = {}): AskInteraction {
  return { verdict: 'interact', ...options }
}

/**
 * What an agent was waiting for when it stopped because a person has to open a page. It is plain data, which can be
 * stored and resumed, also by another process. It is useless without the agent's key, but should still be kept
 * secret.
 */
export interface Unfinished {
  /** A person or auth token from the person server, or the answer of a resource to the request itself. */
  readonly kind: 'person' | 'auth' | 'answer'
  /** The pending URL (AAuth 11.8.2). */
  readonly url: string
  /** The resource's identifier. */
  readonly resource: string
  /** With `auth`: the resource token of the challenge, which the auth token has to match. */
  readonly resourceToken?: string | undefined
  /** The codes of the pages that were asked for. */
  readonly codes: readonly string[]
}

/** An {@link Unfinished} that is still running. */
export type Undertaking = Omit<Unfinished, 'url' | 'codes'>

/**
 * What an agent was waiting for when it gave up because a person has to open a page: plain data, which can be stored and taken
 * up again, by another process as well. It is worth nothing without the agent's key, and still nobody else's business.
 */
export interface Unfinished {
  /** A person token or an auth token from the person server; or the answer of a resource to the request itself. */
  readonly kind: 'person' | 'auth' | 'answer'
  /** The pending URL (AAuth 11.8.2). */
  readonly url: string
  /** The resource's identifier. */
  readonly resource: string
  /** With `auth`: the resource token of the challenge, whose terms the auth token has to meet. */
  readonly resourceToken?: string | undefined
  /** Of the pages that were asked for. */
  readonly codes: readonly string[]
}

/** An {@link Unfinished} that is still under way. */
export type Undertaking = Omit<Unfinished, 'url' | 'codes'>

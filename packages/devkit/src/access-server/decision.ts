/** The request that an access server's policy decides on. */
export interface AccessRequest {
  /** The resource's identifier. */
  readonly resource: string
  /** The person server that asks, and the person as the resource knows them. */
  readonly ps: string
  readonly sub: string
  /** `aauth:sam@ap.example`. */
  readonly agent: string
  /** The sub-agent of `agent` that the request is for (10.2). */
  readonly subAgent: string | undefined
  /**
   * The resource that acts as `agent`, with a token that was issued for it (10.1); `undefined` for a person's own
   * agent.
   */
  readonly intermediary: string | undefined
  readonly scope: readonly string[]
  readonly account: string | undefined
  readonly tenant: string | undefined
}

/** Yes, no, or yes to fewer scopes; with `after`, the decision comes later (`202 approval`). */
export type AccessDecision =
  | boolean
  | {
      readonly decision: boolean
      readonly scope?: readonly string[]
      readonly after?: PromiseLike<unknown>
    }

/** The rules of an access server. An exception or a rejection counts as no. */
export type AccessPolicy = (request: AccessRequest) => AccessDecision | PromiseLike<AccessDecision>

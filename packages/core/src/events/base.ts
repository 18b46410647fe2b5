/** The members of every event. */
export interface EventBase {
  /** Milliseconds, by the option `clock`. */
  readonly at: number
  /**
   * For events about a signed request: its `call_id`, which all its events and its handler share (`req.aauthCallId`).
   * It is the SHA-256 of the value of the `Signature` field, in base64url.
   */
  readonly id?: string
}

/** An event without its time, which is added when it is reported. */
export type UntimedEvent<E extends EventBase> = E extends unknown ? Omit<E, 'at'> : never

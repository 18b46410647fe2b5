/** What every event says, beside what is its own. */
export interface EventBase {
  /** Milliseconds, by the option `clock`. */
  readonly at: number
  /**
   * Of an event that is about a signed request: the `call_id` of the request, which all its events and its handler have
   * (`req.aauthCallId`): SHA-256 of the value of its `Signature` field, in base64url.
   */
  readonly id?: string
}

/** The event as whoever reports it knows it: its time and its request are added where it is told. */
export type UntimedEvent<E extends EventBase> = E extends unknown ? Omit<E, 'at'> : never

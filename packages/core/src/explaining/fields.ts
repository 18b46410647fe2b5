/** A request in its parts. */
export interface CapturedFields {
  readonly method: string
  /** The request target as sent, `/notes?x=1`, or the whole URL. It is not normalised. */
  readonly url: string
  /** Field lines: pairs of name and value, Node's `rawHeaders`, or an object, where a list is several lines. */
  readonly headers:
    | readonly (readonly [name: string, value: string])[]
    | readonly string[]
    | Readonly<Record<string, string | readonly string[]>>
  /** The content as sent. Absent where it is not known. */
  readonly body?: string | Uint8Array | undefined
}

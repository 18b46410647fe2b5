/** R: AAuth; K: Signature-Key; H: RFC 9421; N, KN, HC: hostile cases. */
const id = /\b(?:R|K|H|N|KN|HC)-[0-9]{2,3}[a-f]?\b/g
const adapter = /\[adapter ([a-z0-9-]+)\]/

/** What a test's title says: the ids it proves, wherever they stand, and the adapter it went through. */
export interface Claims {
  readonly ids: readonly string[]
  readonly adapter: string | undefined
}

/** Reads the full title of a test, the titles of its suites included. */
export function readTitle(title: string): Claims {
  return { ids: [...new Set(title.match(id) ?? [])], adapter: adapter.exec(title)?.[1] }
}

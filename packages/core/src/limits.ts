/** Limits on the parts of a request, applied before anything is parsed. */
export interface Limits extends SignatureLimits {
  /** Characters of a token. */
  readonly token: number
  /** Members and elements of a token's header, and of its claims. */
  readonly tokenMembers: number
  /** Bytes of a body that is buffered to check its digest. */
  readonly body: number
}

/** Limits that are not options. */
export const fixedLimits = {
  /** Levels of nesting in any JSON from strangers. */
  jsonDepth: 16,
  /** Members of one object in any JSON from strangers. */
  jsonMembers: 128,
  /** Members and elements of the content of a request to one of our endpoints. */
  jsonSize: 256,
  /** Bytes of memory that a verified token may take to be remembered. */
  rememberedToken: 16_384,
  /** Members, items and parameters of a structured field, all its lines together. */
  fieldPieces: 256,
  /** Characters of a key, a Token or a Byte Sequence in such a field. */
  fieldPiece: 1024,
  /** Parameters of a query, when `@query-param` covers one. */
  queryParameters: 1024,
  /** Characters of a token's `jti`, which a revocation has to be able to name (G-55). */
  jti: 512,
  /** Characters of a `kid`, in a key set or a token; a longer one names nothing. */
  kid: 1024,
  /**
   * Bytes of content that all requests of a process may hold while it arrives, unless `body` is more than a quarter
   * of it.
   */
  contents: 67_108_864,
  /** Members and elements in the JSON of content that policies see (`content: true`). */
  contentJsonSize: 12_288,
  /** Bytes of a request to the authorization endpoint, which holds two short strings. */
  authorizationBody: 16_384,
  /** Bytes of a revocation (G-55). */
  revocationBody: 4096,
  /** Bytes of an answer to a question at a pending URL. */
  clarificationBody: 16_384,
} as const

/**
 * Seconds by which the clocks of instances that share a store may differ (docs/production.md): the tolerance for a
 * time that one instance writes and another compares with its own clock.
 */
export const instanceSkew = 10

/**
 * Seconds by which the clocks of issuers and ours may differ. Entries about a token are kept for this much longer
 * than the token (G-55).
 */
export const issuerSkew = 60

/** The defaults. Node itself stops a header block at 16 KiB. */
export const defaultLimits: Limits = {
  signatureInput: 2048,
  signature: 1024,
  signatureKey: 12_288,
  components: 32,
  token: 12_288,
  tokenMembers: 512,
  body: 1_048_576,
}

/** Limits on the signature fields of a request, applied before anything is parsed. */
export interface SignatureLimits {
  /** Characters of `Signature-Input`. */
  readonly signatureInput: number
  /** Characters of `Signature`. */
  readonly signature: number
  /** Characters of `Signature-Key`. */
  readonly signatureKey: number
  /** Covered components. */
  readonly components: number
}

// Not part of the API. The conformance and hostile suites run with every shortcut and without any, and compare the
// results. A global symbol, because they use the published packages.
const name = Symbol.for('countersign.shortcuts')

/** Whether servers created now use the fast path for signatures and remember tokens. `false` only in tests. */
export function useShortcuts(): boolean {
  return (globalThis as { readonly [name]?: unknown })[name] !== false
}

/**
 * Bounds an `LRUCache` to a number of values, each weighing one. With `max` instead, it would allocate room for all
 * of them at once, which most servers never need.
 */
export const atMost = (
  most: number,
): { readonly maxSize: number; readonly sizeCalculation: () => number } => ({
  maxSize: most,
  sizeCalculation: () => 1,
})

/** Limits on what a request may hold, applied before anything is parsed. */
export interface Limits extends SignatureLimits {
  /** Characters of a token. */
  readonly token: number
  /** Members and elements of a token's header, and of its claims. */
  readonly tokenMembers: number
  /** Bytes of a body that is buffered because its digest has to be checked. */
  readonly body: number
}

/** Limits that are no options, since nobody has a reason to change them. */
export const fixedLimits = {
  /** Levels of nesting in any JSON that a stranger sends. */
  jsonDepth: 16,
  /** Members of one object in any JSON that a stranger sends. */
  jsonMembers: 128,
  /** Members and elements of the content of a request to one of our endpoints. */
  jsonSize: 256,
  /** Bytes of memory that a verified token may take to be remembered. */
  rememberedToken: 16_384,
  /** Members, items and parameters of a structured field that is read or covered, all lines together. */
  fieldPieces: 256,
  /** Characters of a key, a Token or a Byte Sequence in such a field. */
  fieldPiece: 1024,
  /** Parameters of a query of which one is covered by `@query-param`. */
  queryParameters: 1024,
  /** Characters of a token's `jti`, which a revocation has to be able to name (G-55). */
  jti: 512,
  /** Characters of a `kid`, in a key set or a token; a longer one names nothing. */
  kid: 1024,
  /** Bytes of content that all requests of a process hold together while it is arriving, if `body` is no quarter of it. */
  contents: 67_108_864,
  /** Members and elements in the JSON of content that decisions rest on (`content: true`). */
  contentJsonSize: 12_288,
  /** Bytes of a request to the authorization endpoint; two short strings are all there is to say. */
  authorizationBody: 16_384,
  /** Bytes of a revocation (G-55). */
  revocationBody: 4096,
  /** Bytes of an answer to a question at a pending URL. */
  clarificationBody: 16_384,
} as const

/**
 * Seconds by which the clocks of instances that share a store may differ (docs/production.md): the tolerance for a time that
 * one instance writes and another compares with its own clock.
 */
export const instanceSkew = 10

/** Seconds by which the clocks of issuers and ours may differ: how much longer something is kept than the token it is about (G-55). */
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

// Not part of the API: the conformance and hostile suites run once with every short cut and once without, and compare
// nothing less than everything. A global symbol, since they come in through the published packages.
const name = Symbol.for('countersign.shortcuts')

/** Whether servers created now use the fast path for signatures and remember tokens. `false` only in tests. */
export function useShortcuts(): boolean {
  return (globalThis as { readonly [name]?: unknown })[name] !== false
}

/**
 * How an `LRUCache` that each server has is bounded: to so many values, each weighing one. One that is bounded by `max` has
 * room for all of them from the beginning, which most servers never need.
 */
export const atMost = (
  most: number,
): { readonly maxSize: number; readonly sizeCalculation: () => number } => ({
  maxSize: most,
  sizeCalculation: () => 1,
})

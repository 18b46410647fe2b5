/** The limits of discovery and of the key cache. Times are milliseconds, sizes are bytes. */
export interface IssuerLimits {
  /** The longest metadata document; also the bytes of memory that what is kept of it may take. */
  readonly metadataBytes: number
  /** Members and elements of a metadata document, at all levels together. */
  readonly metadataMembers: number
  /** The longest JWKS; also the bytes of memory that its keys may take. */
  readonly jwksBytes: number
  /** Members and elements of a JWKS, at all levels together: sixteen for each of `keysPerSet`. */
  readonly jwksMembers: number
  /** The longest block of response headers. */
  readonly headerBytes: number
  /** The most keys of one set; a longer set is unusable as a whole. Each takes about half a KiB of `jwksBytes`. */
  readonly keysPerSet: number
  /** Addresses of one host that a connection is tried with. */
  readonly addresses: number
  /** Name resolution, TCP and TLS together. */
  readonly connectTimeout: number
  /** One discovery from first packet to last byte: the metadata and the JWKS together. */
  readonly timeout: number
  /** A request with no usable key waits this long for a discovery, waiting for its turn included. */
  readonly wait: number
  /** A request with a usable but expired key waits only this long for a fresher one. */
  readonly patience: number
  /** No document is fetched more often, failed attempts included (AAuth 11.4). Also the shortest lifetime. */
  readonly floor: number
  /** Nothing is used longer after it was fetched, whatever the cache headers say (AAuth 11.4). */
  readonly ceiling: number
  /** The lifetime of a response that states none. */
  readonly lifetime: number
  /** Past its lifetime, a key is used this long while the background refresh runs. */
  readonly grace: number
  /** The longest pause between attempts at an issuer that fails; the first pause is the floor, each next one double. */
  readonly backoff: number
  /** How long after its last use an admitted issuer's keys are kept fresh in the background. */
  readonly keepWarm: number
  /** How often issuers due for a background refresh are looked for. */
  readonly sweep: number
  /** Admitted issuers held. */
  readonly issuers: number
  /** What is held of the documents of admitted issuers, together: bytes of memory. */
  readonly issuerBytes: number
  /** Newcomers held: issuers of whom no token has verified yet. At least twice `newcomersPerMinute`. */
  readonly newcomers: number
  /** What is held of the documents of newcomers, together: bytes of memory. */
  readonly newcomerBytes: number
  /** Discoveries of newcomers begun in a minute, which is also the largest burst. */
  readonly newcomersPerMinute: number
  /**
   * Discoveries under way at once, of each kind: for requests of named issuers, of known ones and of newcomers, and in
   * the background. Enough that newcomers which all hang until `timeout` reach `newcomersPerMinute` first.
   */
  readonly concurrency: number
  /** Discoveries under way at once of one issuer. */
  readonly perIssuer: number
  /** Well-known documents held of one issuer; there are four names in the draft. */
  readonly documentsPerIssuer: number
  /** Discoveries that wait for their turn, of each kind that requests wait for; one more is refused at once. */
  readonly queue: number
}

const kib = 1024
const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** The defaults. The draft gives only the floor and the ceiling; the sizes and the 5 s are G-15. */
export const issuerLimits: IssuerLimits = {
  metadataBytes: 64 * kib,
  metadataMembers: 1024,
  jwksBytes: 256 * kib,
  jwksMembers: 4096,
  headerBytes: 16 * kib,
  keysPerSet: 256,
  addresses: 4,
  connectTimeout: 3 * second,
  timeout: 5 * second,
  wait: 8 * second,
  patience: 1 * second,
  floor: 1 * minute,
  ceiling: 24 * hour,
  lifetime: 10 * minute,
  grace: 1 * minute,
  backoff: 5 * minute,
  keepWarm: 1 * hour,
  sweep: 15 * second,
  issuers: 10_000,
  issuerBytes: 64 * kib * kib,
  newcomers: 1024,
  newcomerBytes: 8 * kib * kib,
  newcomersPerMinute: 300,
  concurrency: 32,
  perIssuer: 2,
  documentsPerIssuer: 8,
  queue: 64,
}

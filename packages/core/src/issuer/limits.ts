/** The limits of discovery and of the key cache. Times are milliseconds, sizes are bytes. */
export interface IssuerLimits {
  /** Bytes of a metadata document; also of memory for what is kept of it. */
  readonly metadataBytes: number
  /** Members and elements of a metadata document, at all levels together. */
  readonly metadataMembers: number
  /** Bytes of a JWKS; also of memory for its keys. */
  readonly jwksBytes: number
  /** Members and elements of a JWKS, at all levels together: sixteen for each of `keysPerSet`. */
  readonly jwksMembers: number
  /** Bytes of the response headers. */
  readonly headerBytes: number
  /** Keys of one set; a set with more is unusable. Each takes about half a KiB of `jwksBytes`. */
  readonly keysPerSet: number
  /** Addresses of one host to which a connection is tried. */
  readonly addresses: number
  /** For name resolution, TCP and TLS together. */
  readonly connectTimeout: number
  /** For one discovery, the metadata and the JWKS together, from the first packet to the last byte. */
  readonly timeout: number
  /** How long a request without a usable key waits for a discovery, including its time in the queue. */
  readonly wait: number
  /** How long a request with a usable but expired key waits for a fresher one. */
  readonly patience: number
  /**
   * The minimum interval between two fetches of a document, failed attempts included (AAuth 11.4). Also the shortest
   * lifetime.
   */
  readonly floor: number
  /**
   * The maximum age: no document is used longer than this after it was fetched, whatever its cache headers say (AAuth
   * 11.4).
   */
  readonly ceiling: number
  /** The lifetime of a response that states none. */
  readonly lifetime: number
  /** How long an expired key is used while the background refresh runs. */
  readonly grace: number
  /**
   * The longest pause between attempts at an issuer that fails. The first pause is `floor`, and each further one is
   * twice as long.
   */
  readonly backoff: number
  /** How long an admitted issuer's keys are refreshed in the background after their last use. */
  readonly keepWarm: number
  /** How often background refreshes that are due are looked for. */
  readonly sweep: number
  /** Admitted issuers in the cache. */
  readonly issuers: number
  /** Bytes of memory for the documents of all admitted issuers. */
  readonly issuerBytes: number
  /** Newcomers in the cache: issuers of which no token has verified yet. At least twice `newcomersPerMinute`. */
  readonly newcomers: number
  /** Bytes of memory for the documents of all newcomers. */
  readonly newcomerBytes: number
  /** Discoveries of newcomers per minute, and the largest burst. */
  readonly newcomersPerMinute: number
  /**
   * Discoveries that may run at once, of each kind: for requests of named issuers, of known ones and of newcomers,
   * and in the background. Enough that newcomers which all hang until `timeout` reach `newcomersPerMinute` first.
   */
  readonly concurrency: number
  /** Discoveries of one issuer that may run at once. */
  readonly perIssuer: number
  /** Well-known documents cached of one issuer; the draft has four names. */
  readonly documentsPerIssuer: number
  /** Discoveries that may wait, of each kind that requests wait for; further ones are refused at once. */
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

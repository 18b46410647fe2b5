/** How the instance of a soak is started. */
export interface SoakedOptions {
  readonly adapter: string
  /** URL. */
  readonly redis: string
  /** Where the audit log is written. */
  readonly file: string
  /** Private JWK. */
  readonly signingKey: object
  readonly loopback: Readonly<Record<string, number>>
  /** Where Prometheus may ask; none by default. */
  readonly metrics?: number | undefined
}

/** What it is told to do. */
export type SoakOrder =
  | { readonly do: 'step'; readonly seconds: number }
  | { readonly do: 'rotate' | 'sample' | 'close' }
  | { readonly do: 'deny' | 'allow'; readonly key: string }

/** What it has counted and what it holds. */
export interface Sample {
  /** Requests that its server has been given. */
  readonly received: number
  /** Those that came to none of our guards and endpoints. */
  readonly unguarded: number
  /** Decisions by outcome, one for each request. */
  readonly decided: Readonly<Record<string, number>>
  /** Held calls that were carried out. */
  readonly executed: number
  readonly warnings: readonly string[]
  readonly failures: readonly string[]
  /** Bytes, after a collection. */
  readonly heap: number
  readonly resident: number
  readonly descriptors: number
  readonly audit: { readonly records: number; readonly dropped: number; readonly waiting: number }
}

/** What it says: that it listens, or the answer to an order. */
export type SoakSaid =
  | { readonly port: number }
  | { readonly id: number; readonly sample?: Sample; readonly error?: string }

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
  /** Milliseconds: when time began to go so many times as fast as it does. */
  readonly began: number
  readonly speed: number
  /** Where Prometheus may ask; none by default. */
  readonly metrics?: number | undefined
}

/** What it is told to do. */
export type SoakOrder =
  | { readonly do: 'step'; readonly seconds: number }
  | { readonly do: 'rotate' | 'sample' | 'close' }
  | { readonly do: 'deny' | 'allow'; readonly key: string }

/** A header of every request that the traffic counts; others are of browsers and of the town's servers. */
export const counted = 'x-soak'

/** The time of day, of which more passes than there is: what takes minutes is seen in seconds. */
export const quickened =
  ({ began, speed }: Pick<SoakedOptions, 'began' | 'speed'>): (() => number) =>
  () =>
    began + (Date.now() - began) * speed

/** What it has counted and what it holds. */
export interface Sample {
  /** Requests that its server has been given. */
  readonly received: number
  /** Those among them that the traffic counts. */
  readonly counted: number
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

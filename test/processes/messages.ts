/** How an instance is started. */
export interface InstanceOptions {
  readonly adapter: string
  /** Its identifier; default the target's. */
  readonly resource?: string
  /** URL. */
  readonly redis: string
  /** That confirm writes; default 0. */
  readonly replicas?: number
  /** What it does when Redis has lost what it held; default the store's. */
  readonly emptied?: 'restore' | 'refuse'
  /** Private JWK; all instances of a resource sign with the same. */
  readonly signingKey: object
  readonly loopback: Readonly<Record<string, number>>
  /** Whether `/transfers` and `/orders` run until they are released. */
  readonly slow?: boolean
  /** Seconds by which its clock is ahead. */
  readonly ahead?: number
  /** Whether its routes only report, but for one key in two. */
  readonly observe?: boolean
}

/** What an instance is asked to do. */
export interface Call {
  readonly id: number
  readonly name:
    | 'health'
    | 'report'
    | 'deny'
    | 'allow'
    | 'denials'
    | 'breakGlass'
    | 'release'
    | 'approve'
    | 'endSessions'
    | 'unlink'
  readonly given?: unknown
}

/** What an instance says. */
export type Said =
  | { readonly event: 'listening'; readonly port: number }
  | { readonly event: 'executing' | 'ordering' | 'break-glass-used' }
  | { readonly id: number; readonly value?: unknown; readonly error?: string }

/** How an application is started that is then shut down. */
export interface ClosingOptions {
  readonly adapter: 'express' | 'fastify'
  /** Which is closed first. */
  readonly first: 'guard' | 'server'
  readonly signingKey: object
  readonly loopback: Readonly<Record<string, number>>
}

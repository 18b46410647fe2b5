import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { IssuerReport } from '../issuer/report.js'
import type { BreakGlass, OpenBreakGlass } from '../store/break-glass.js'
import type { StoreHealth, WatchedStore } from '../store/watched-store.js'

/** How a resource server is. It holds no secret, but hosts of issuers and the words of operators: not for the public. */
export interface Health {
  /** Whether requests can be served: the store answers. An issuer that is down stops only its own callers. */
  readonly ok: boolean
  readonly store: StoreHealth & {
    /** Milliseconds that the store took to answer just now; absent when it did not. */
    readonly latency?: number
  }
  /** The operator's way around the store, if one is open: to be closed, or it closes by itself. */
  readonly breakGlass?: OpenBreakGlass
  readonly issuers: IssuerReport
}

/** Asks the store and says how things are. Never rejects, and takes no longer than the store's time. */
export async function readHealth(parts: {
  readonly store: WatchedStore
  readonly breakGlass: BreakGlass
  readonly issuers: IssuerKeys
}): Promise<Health> {
  const latency = await askStore(parts.store)
  const opened = parts.breakGlass.current()
  return {
    ok: latency !== undefined,
    store: { ...parts.store.health(), ...(latency === undefined ? {} : { latency }) },
    ...(opened === undefined ? {} : { breakGlass: opened }),
    issuers: parts.issuers.inspect(),
  }
}

async function askStore(store: WatchedStore): Promise<number | undefined> {
  const start = performance.now()
  try {
    await store.get('health')
    return performance.now() - start
  } catch {
    return undefined
  }
}

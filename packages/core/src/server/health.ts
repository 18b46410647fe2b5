import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { IssuerReport } from '../issuer/report.js'
import type { BreakGlass, OpenBreakGlass } from '../store/break-glass.js'
import type { StoreHealth, WatchedStore } from '../store/watched-store.js'

/** How a resource server is. It holds no secret, but hosts of issuers and the words of operators: not for the public. */
export interface Health {
  /**
   * Whether requests can be served: everything they need of the store was just done, reads and writes, in each of its
   * parts. A store that is full, has become a replica or cannot write to its disk refuses writes, so this is `false`.
   * A `replayStore` that is full refuses only protected methods, and anybody can fill it: it does not count. An issuer
   * that is down stops only its own callers.
   */
  readonly ok: boolean
  readonly store: StoreHealth & {
    /** Milliseconds that the store took to answer just now; absent when it did not do all that it was asked. */
    readonly latency?: number
  }
  /** Where used signatures live, if not in `store`. */
  readonly replayStore?: StoreHealth
  /** The operator's way around the store, if one is open: to be closed, or it closes by itself. */
  readonly breakGlass?: OpenBreakGlass
  readonly issuers: IssuerReport
}

/** Asks the store and says how things are. Never rejects, and takes no longer than the store's time. */
export async function readHealth(parts: {
  readonly store: WatchedStore
  readonly replayStore: WatchedStore
  readonly breakGlass: BreakGlass
  readonly issuers: IssuerKeys
  readonly monotonic: () => number
}): Promise<Health> {
  const { store, replayStore, monotonic } = parts
  const separate = replayStore !== store
  const start = monotonic()
  const [answered, replays] = await Promise.all([
    store.check().then((ok) => (ok ? monotonic() - start : undefined)),
    separate ? replayStore.check() : true,
  ])
  const opened = parts.breakGlass.current()
  const replayHealth = replayStore.health()
  const onlyFull = replayHealth.reads.state === 'up' && replayHealth.writes.last?.fault === 'full'
  return {
    ok: answered !== undefined && (replays || onlyFull),
    store: { ...store.health(), ...(answered === undefined ? {} : { latency: answered }) },
    ...(separate ? { replayStore: replayHealth } : {}),
    ...(opened === undefined ? {} : { breakGlass: opened }),
    issuers: parts.issuers.inspect(),
  }
}

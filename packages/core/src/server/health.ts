import type { CryptoHealth } from '../crypto/verify.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { IssuerReport } from '../issuer/report.js'
import type { BreakGlass, OpenBreakGlass } from '../store/break-glass.js'
import type { StoreHealth, WatchedStore } from '../store/watched-store.js'
import type { Deadlines } from '../time/deadline.js'

/** The health of a resource server. It holds no secrets but names issuers and operators: do not publish it. */
export interface Health {
  /**
   * Whether requests can be served: the store has just done every kind of read and write that they need. `false` for
   * a store that is full, has become a replica or cannot write to its disk. Two failures do not count: a full
   * `replayStore`, because only protected methods need it and strangers can fill it; and an issuer that is down,
   * because it affects only its own callers.
   */
  readonly ok: boolean
  readonly store: StoreHealth & {
    /** How long the store took, in milliseconds; absent if it failed. */
    readonly latency?: number
  }
  /** The health of the option `replayStore`, if it is set. */
  readonly replayStore?: StoreHealth
  /** The break-glass order in force. It ends when it is closed or expires. */
  readonly breakGlass?: OpenBreakGlass
  readonly issuers: IssuerReport
  /** How signatures are verified. */
  readonly crypto: {
    /** What verifies Ed25519 in the event loop. `option`: the function in `crypto.ed25519`. */
    readonly ed25519: 'node:crypto' | 'libsodium' | 'option'
    /** Where signatures are verified. `both`: in the event loop and in the thread pool (`crypto.mode` `auto`). */
    readonly where: 'loop' | 'threads' | 'both'
    /** Processors that this process may use. */
    readonly cores: number
  }
  /** How often a function of the application gave no answer within `policyTimeout`, since this process started. */
  readonly policyTimeouts: number
}

/** What the health depends on. */
export interface HealthContext {
  readonly store: WatchedStore
  readonly replayStore: WatchedStore
  readonly breakGlass: BreakGlass
  readonly issuers: IssuerKeys
  readonly cryptoHealth: CryptoHealth
  readonly deadlines: Pick<Deadlines, 'late'>
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
}

/** Reads the health, using the store. Never rejects, and takes no longer than the option `storeTimeout`. */
export async function readHealth(context: HealthContext): Promise<Health> {
  const { store, replayStore, monotonic } = context
  const separate = replayStore !== store
  const start = monotonic()
  const [answered, replays] = await Promise.all([
    store.check().then((ok) => (ok ? monotonic() - start : undefined)),
    separate ? replayStore.check() : true,
  ])
  const opened = context.breakGlass.current()
  const replayHealth = replayStore.health()
  const onlyFull = replayHealth.reads.state === 'up' && replayHealth.writes.last?.fault === 'full'
  return {
    ok: answered !== undefined && (replays || onlyFull),
    store: { ...store.health(), ...(answered === undefined ? {} : { latency: answered }) },
    ...(separate ? { replayStore: replayHealth } : {}),
    ...(opened === undefined ? {} : { breakGlass: opened }),
    issuers: context.issuers.inspect(),
    crypto: context.cryptoHealth,
    policyTimeouts: context.deadlines.late,
  }
}

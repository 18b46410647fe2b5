import { KnownIssuers, listedSeconds } from '../issuer/known-issuers.js'
import type { Store } from '../store/store.js'
import { after } from '../time/clock.js'

/** Milliseconds between two reads of the list. Varied at random, so that instances which started together take turns. */
const pause = 600_000
/** Milliseconds to wait for a store that is still connecting. */
const connecting = 2000
const key = 'issuers:known'

/** The dependencies of {@link shareKnownIssuers}. */
interface SharedContext {
  readonly store: Store
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** A random number in [0, 1). */
  readonly random: () => number
}

/** The issuers that this instance and others know. */
interface SharedIssuers {
  readonly known: KnownIssuers
  /** Reads what others have written, and writes what is missing. Never rejects. */
  exchange(): Promise<void>
  close(): void
}

/**
 * Keeps the list of known issuers in the store, so that an instance which starts during a flood of requests knows
 * them. The list is read when the store is connected and then about every ten minutes; it is written at that time if
 * something was added. So no request causes a write. When an operator has an issuer forgotten, it is written at once.
 * If two instances write at the same moment, the lines that are lost are written again the next time.
 */
export function shareKnownIssuers({ store, clock, random }: SharedContext): SharedIssuers {
  const known = new KnownIssuers(undefined, () => void exchange())
  let isClosed = false
  let isWanted = false
  let running: Promise<void> | undefined
  const exchangeNow = async (): Promise<void> => {
    try {
      const stored = (await store.get(key)) ?? ''
      known.merge(stored, clock())
      const text = known.text()
      if (text !== stored) await store.put(key, text, listedSeconds)
    } catch {
      // The watched store has reported the failure. The list here stays, and the next read follows.
    }
  }
  // One after the other: concurrent exchanges would undo each other. An exchange asked for before `close` still
  // writes.
  const exchangeAll = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false
      await exchangeNow()
    }
    running = undefined
  }
  const exchange = (): Promise<void> => {
    if (isClosed) return Promise.resolve()
    isWanted = true
    running ??= exchangeAll()
    return running
  }
  const timer = setInterval(() => void exchange(), pause * (0.75 + 0.5 * random()))
  // Fake timers of a test may return any type.
  ;(timer as Partial<NodeJS.Timeout>).unref?.()
  let stop = (): void => {}
  if (store.onConnected === undefined) void exchange()
  else {
    // A client that is still connecting has not failed, so nothing is reported.
    stop = after(connecting, () => void exchange())
    store.onConnected(() => {
      stop()
      void exchange()
    })
  }
  const close = (): void => {
    isClosed = true
    clearInterval(timer)
    stop()
  }
  return { known, exchange, close }
}

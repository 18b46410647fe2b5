import { KnownIssuers, listedSeconds } from '../issuer/known-issuers.js'
import type { Store } from '../store/store.js'
import { after } from '../time/clock.js'

/** Milliseconds between two looks at the list, more or less, so that instances which began together take turns. */
const pause = 600_000
/** Milliseconds that a store has to connect before it is read all the same. */
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
  /** Reads what others have written, and writes what they do not have yet. Never rejects. */
  exchange(): Promise<void>
  close(): void
}

/**
 * Keeps the list of known issuers in the store, so that an instance that starts in the middle of a storm knows them. It is
 * read when the store is connected, and every ten minutes or so, and written then if something was added. So no request
 * causes a write; that an operator has an issuer forgotten is written at once. Where two instances write at the same moment,
 * the lines that are lost are written again the next time.
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
      // Whoever watches the store has reported it. What is known here stays, and there is a next time.
    }
  }
  // One after the other: two that cross would undo each other. What was asked for before the end is still written.
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
  // Under timers that a test has put in place it may be anything.
  ;(timer as Partial<NodeJS.Timeout>).unref?.()
  let stop = (): void => {}
  if (store.onConnected === undefined) void exchange()
  else {
    // A client that is still connecting has not failed, and nobody should be told so.
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

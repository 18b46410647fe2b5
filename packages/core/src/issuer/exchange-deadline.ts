import { after } from '../time/clock.js'
import type { IssuerLimits } from './limits.js'

/** The time limits of one exchange: for connecting, for the whole, and the caller's own signal. */
export class ExchangeDeadline {
  readonly #controller = new AbortController()
  readonly #connected: () => void
  readonly #done: () => void
  readonly #caller: AbortSignal
  readonly #abort = (): void => this.#controller.abort(this.#caller.reason)
  /** Whether the host was reached, whatever came of it. */
  hasReached = false

  constructor(caller: AbortSignal, limits: Pick<IssuerLimits, 'connectTimeout' | 'timeout'>) {
    this.#caller = caller
    const expire = (what: string, ms: number): (() => void) =>
      after(ms, () => this.#controller.abort(new Error(`no ${what} within ${ms} ms`)))
    this.#connected = expire('connection', limits.connectTimeout)
    this.#done = expire('complete response', limits.timeout)
    if (caller.aborted) this.#abort()
    else caller.addEventListener('abort', this.#abort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  reached(): void {
    this.hasReached = true
  }

  connected(): void {
    this.#connected()
  }

  end(): void {
    this.#connected()
    this.#done()
    this.#caller.removeEventListener('abort', this.#abort)
  }

  /** Node's abort errors say nothing; the signal's reason says why. */
  cause(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error
  }

  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    if (signal.aborted) throw signal.reason
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      work.then(resolve, reject)
    })
  }
}

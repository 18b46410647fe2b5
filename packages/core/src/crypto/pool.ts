import { after, monotonicNow } from '../time/clock.js'
import type { VerificationKey } from './keys.js'
import { slice, type VerifyNow } from './rows.js'

/**
 * How long the pool may take for a verification, and for each that waits before it, in milliseconds. A thread needs
 * an eighth of a millisecond for one, so a pool this late is busy with the application's own work.
 */
const patience = { base: 50, each: 0.5 } as const

interface Job {
  readonly key: VerificationKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
  /** When the result is late, in milliseconds of the monotonic clock. */
  readonly due: number
  readonly resolve: (valid: boolean) => void
  readonly reject: (cause: unknown) => void
  settled: boolean
  next: Job | undefined
}

/**
 * Verifies in the thread pool. The application uses it too: its own `pbkdf2`, file reads and name resolutions may
 * fill it. Then no more verifications are sent there until the pool is in time again, and those that wait there are
 * made in the event loop.
 */
export class Pool {
  readonly #verifyNow: VerifyNow
  #first: Job | undefined
  #last: Job | undefined
  #waiting = 0
  #watched = false
  #late = false
  #asking = false

  /** @param verifyNow verifies in the event loop what is taken back from the pool */
  constructor(verifyNow: VerifyNow) {
    this.#verifyNow = verifyNow
  }

  /** Verifications that wait. */
  get waiting(): number {
    return this.#waiting
  }

  verify(key: VerificationKey, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const due = monotonicNow() + patience.base + patience.each * this.#waiting
      const job: Job = { key, data, signature, due, resolve, reject, settled: false, next: undefined }
      if (this.#last === undefined) this.#first = job
      else this.#last.next = job
      this.#last = job
      this.#waiting++
      key.algorithm.verifyLater(key.key, data, signature, (valid) => {
        if (this.#settle(job)) resolve(valid)
      })
      this.#watch()
    })
  }

  /**
   * Whether the pool was late and has not been in time since. A late pool is tested with the given signature, one
   * test at a time, without waiting for the result.
   */
  isLate(key: VerificationKey, data: Uint8Array, signature: Uint8Array): boolean {
    if (!this.#late || this.#asking) return this.#late
    this.#asking = true
    let inTime = true
    const stop = after(patience.base, () => {
      setImmediate(() => {
        inTime = false
      })
    })
    let isAsked = false
    key.algorithm.verifyLater(key.key, data, signature, () => {
      stop()
      this.#asking = false
      // A signature refused for its form never reached the pool and says nothing about it.
      if (inTime && isAsked) this.#late = false
    })
    isAsked = true
    return true
  }

  /** Whether this was the first result for the job. Settled jobs at the head of the queue are removed. */
  #settle(job: Job): boolean {
    if (job.settled) return false
    job.settled = true
    this.#waiting--
    while (this.#first?.settled === true) this.#first = this.#first.next
    if (this.#first === undefined) this.#last = undefined
    return true
  }

  /** At most one timer, and none while nothing waits. */
  #watch(): void {
    if (this.#watched || this.#first === undefined) return
    this.#watched = true
    const { due } = this.#first
    // Checked after the loop has handled the results that the pool has ready: a blocked loop is no late pool.
    after(Math.max(1, due - monotonicNow()), () => setImmediate(this.#judge))
  }

  readonly #judge = (): void => {
    this.#watched = false
    if (this.#first !== undefined && monotonicNow() >= this.#first.due) {
      this.#late = true
      this.#takeBack()
    } else this.#watch()
  }

  readonly #takeBack = (): void => {
    for (let taken = 0; taken < slice && this.#first !== undefined; taken++) {
      const job = this.#first
      this.#settle(job)
      try {
        job.resolve(this.#verifyNow(job.key, job.data, job.signature))
      } catch (cause) {
        job.reject(cause)
      }
    }
    if (this.#first !== undefined) setImmediate(this.#takeBack)
  }
}

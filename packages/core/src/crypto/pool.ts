import { after, monotonicNow } from '../time/clock.js'
import type { VerificationKey } from './keys.js'
import { slice, type VerifyNow } from './rows.js'

/**
 * Milliseconds that the pool has for a verification, and for each that is there before it. A thread needs an eighth of a
 * millisecond for one, so that a pool which is late by this has other work: the application's own.
 */
const patience = { base: 50, each: 0.5 } as const

interface Job {
  readonly key: VerificationKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
  /** When the pool is late, in milliseconds of the monotonic clock. */
  readonly due: number
  readonly resolve: (valid: boolean) => void
  readonly reject: (cause: unknown) => void
  settled: boolean
  next: Job | undefined
}

/**
 * Verifies in the thread pool, which the application uses too: its own `pbkdf2`, file reads and look-ups of names may fill
 * it. Then no verification is sent there until the pool answers in time again; those that wait there already are made in
 * the event loop.
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
   * Whether the pool was late and has not been in time since. It is asked again with what is to be verified here and
   * now, one question at a time, and nobody waits for the answer.
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
      // What is refused by its form says nothing of the pool, which has not been asked.
      if (inTime && isAsked) this.#late = false
    })
    isAsked = true
    return true
  }

  /** Whether this was the first answer. Those that are answered at the head of the queue leave it. */
  #settle(job: Job): boolean {
    if (job.settled) return false
    job.settled = true
    this.#waiting--
    while (this.#first?.settled === true) this.#first = this.#first.next
    if (this.#first === undefined) this.#last = undefined
    return true
  }

  /** One timer at a time, and none while nothing waits. */
  #watch(): void {
    if (this.#watched || this.#first === undefined) return
    this.#watched = true
    const { due } = this.#first
    // Judged when the loop has heard what the pool has done already: a loop that was blocked is no pool that is late.
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

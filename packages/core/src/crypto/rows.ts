import type { VerificationKey } from './keys.js'

/** Verifies a signature in the event loop. */
export type VerifyNow = (key: VerificationKey, data: Uint8Array, signature: Uint8Array) => boolean

/** Verifications in one turn of the event loop: about a millisecond. */
export const slice = 8

interface Job {
  readonly key: VerificationKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
  readonly resolve: (valid: boolean) => void
  readonly reject: (cause: unknown) => void
}

/**
 * Verifies in the event loop what came in the same turn, several in a row: each then finds its code and tables in the
 * processor's caches. For a single processor, where a thread pool only competes with the loop.
 */
export class Rows {
  readonly #verify: VerifyNow
  /**
   * Those whose turn it is, and those that have come since. A finished one must not stay in memory until the queue is
   * empty.
   */
  #jobs: Job[] = []
  #later: Job[] = []
  #begin = 0

  constructor(verify: VerifyNow) {
    this.#verify = verify
  }

  /** Verifications that wait. */
  get waiting(): number {
    return this.#jobs.length - this.#begin + this.#later.length
  }

  verify(key: VerificationKey, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.waiting === 0) setImmediate(this.#run)
      this.#later.push({ key, data, signature, resolve, reject })
    })
  }

  readonly #run = (): void => {
    for (let left = Math.min(slice, this.waiting); left > 0; left--) {
      const { key, data, signature, resolve, reject } = this.#next()
      try {
        resolve(this.#verify(key, data, signature))
      } catch (cause) {
        reject(cause)
      }
    }
    if (this.waiting > 0) setImmediate(this.#run)
    else this.#take()
  }

  #next(): Job {
    if (this.#begin === this.#jobs.length) this.#take()
    return this.#jobs[this.#begin++] as Job
  }

  #take(): void {
    this.#jobs = this.#later
    this.#later = []
    this.#begin = 0
  }
}

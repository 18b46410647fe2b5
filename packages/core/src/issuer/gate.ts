import type { IssuerLimits } from './limits.js'

/** Whom a discovery is for. Each lane has its own places, so that no lane can take another's. */
export type Lane = 'known' | 'newcomer' | 'background'

interface Waiting {
  readonly issuer: string
  readonly lane: Lane
  readonly start: (leave: () => void) => void
}

/** Bounds how many discoveries run at once: in each lane, and of each issuer. */
export class Gate {
  readonly #limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>
  readonly #running: Record<Lane, number> = { known: 0, newcomer: 0, background: 0 }
  readonly #issuers = new Map<string, number>()
  readonly #queue: Waiting[] = []

  constructor(limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>) {
    this.#limits = limits
  }

  /** Discoveries under way and waiting. */
  get load(): { readonly running: number; readonly waiting: number } {
    const { known, newcomer, background } = this.#running
    return { running: known + newcomer + background, waiting: this.#queue.length }
  }

  /** Whether {@link enter} would not be turned away. Nobody waits in the background lane. */
  hasRoom(issuer: string, lane: Lane): boolean {
    if (this.#isFree(issuer, lane)) return true
    return lane !== 'background' && this.#queue.filter((one) => one.lane === lane).length < this.#limits.queue
  }

  /** Whether every place of a lane is taken. */
  isFull(lane: Lane): boolean {
    return this.#running[lane] >= this.#limits.concurrency
  }

  /** Waits for a place; resolves with the function that gives it back. Ask {@link hasRoom} first. */
  enter(issuer: string, lane: Lane): Promise<() => void> {
    return new Promise((start) => {
      this.#queue.push({ issuer, lane, start })
      this.#advance()
    })
  }

  #isFree(issuer: string, lane: Lane): boolean {
    return !this.isFull(lane) && (this.#issuers.get(issuer) ?? 0) < this.#limits.perIssuer
  }

  #advance(): void {
    for (let i = 0; i < this.#queue.length; ) {
      const { issuer, lane, start } = this.#queue[i] as Waiting
      if (!this.#isFree(issuer, lane)) {
        i++
        continue
      }
      this.#queue.splice(i, 1)
      this.#running[lane]++
      this.#issuers.set(issuer, (this.#issuers.get(issuer) ?? 0) + 1)
      start(() => this.#leave(issuer, lane))
    }
  }

  #leave(issuer: string, lane: Lane): void {
    this.#running[lane]--
    const left = (this.#issuers.get(issuer) ?? 1) - 1
    if (left > 0) this.#issuers.set(issuer, left)
    else this.#issuers.delete(issuer)
    this.#advance()
  }
}

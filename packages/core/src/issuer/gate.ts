import type { IssuerLimits } from './limits.js'
import { mayTake, siteOf } from './site.js'

/**
 * Whom a discovery is for: an issuer the operator named, one of whom a token has verified, a newcomer, or nobody who
 * waits. Each lane has its own places, so that no lane can take another's.
 */
export type Lane = 'named' | 'known' | 'newcomer' | 'background'

interface Waiting {
  readonly issuer: string
  readonly lane: Lane
  readonly share: string
  readonly start: (leave: () => void) => void
}

/**
 * Bounds how many discoveries run at once: in each lane, of each issuer, and of each site in a lane, whose issuers cost a
 * stranger nothing (see {@link mayTake}). So it is with the places of those who wait. Whom the operator named is not bound
 * by site.
 */
export class Gate {
  readonly #limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>
  readonly #running: Record<Lane, number> = { named: 0, known: 0, newcomer: 0, background: 0 }
  readonly #issuers = new Map<string, number>()
  readonly #shares = new Map<string, number>()
  readonly #queue: Waiting[] = []

  constructor(limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>) {
    this.#limits = limits
  }

  /** Discoveries under way and waiting. */
  get load(): { readonly running: number; readonly waiting: number } {
    const { named, known, newcomer, background } = this.#running
    return { running: named + known + newcomer + background, waiting: this.#queue.length }
  }

  /** Whether {@link enter} would not be turned away. Nobody waits in the background lane. */
  hasRoom(issuer: string, lane: Lane): boolean {
    const share = shareOf(issuer, lane)
    if (this.#isFree(issuer, lane, share)) return true
    if (lane === 'background') return false
    const { queue } = this.#limits
    const waiting = this.#queue.filter((one) => one.lane === lane)
    if (waiting.length >= queue) return false
    const own = waiting.filter((one) => one.share === share).length
    return lane === 'named' || mayTake(own, queue - waiting.length)
  }

  /** Whether every place of a lane is taken. */
  isFull(lane: Lane): boolean {
    return this.#running[lane] >= this.#limits.concurrency
  }

  /** Waits for a place; resolves with the function that gives it back. Ask {@link hasRoom} first. */
  enter(issuer: string, lane: Lane): Promise<() => void> {
    return new Promise((start) => {
      this.#queue.push({ issuer, lane, share: shareOf(issuer, lane), start })
      this.#advance()
    })
  }

  #isFree(issuer: string, lane: Lane, share: string): boolean {
    const { concurrency, perIssuer } = this.#limits
    if (this.isFull(lane) || (this.#issuers.get(issuer) ?? 0) >= perIssuer) return false
    return lane === 'named' || mayTake(this.#shares.get(share) ?? 0, concurrency - this.#running[lane])
  }

  #advance(): void {
    for (let i = 0; i < this.#queue.length; ) {
      const { issuer, lane, share, start } = this.#queue[i] as Waiting
      if (!this.#isFree(issuer, lane, share)) {
        i++
        continue
      }
      this.#queue.splice(i, 1)
      this.#running[lane]++
      add(this.#issuers, issuer, 1)
      add(this.#shares, share, 1)
      start(() => this.#leave(issuer, lane, share))
    }
  }

  #leave(issuer: string, lane: Lane, share: string): void {
    this.#running[lane]--
    add(this.#issuers, issuer, -1)
    add(this.#shares, share, -1)
    this.#advance()
  }
}

const shareOf = (issuer: string, lane: Lane): string => `${lane} ${siteOf(issuer)}`

function add(counts: Map<string, number>, name: string, one: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + one
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

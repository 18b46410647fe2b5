import type { IssuerLimits } from './limits.js'
import { mayTake, siteOf } from './site.js'

/**
 * What a discovery is for: a request with a token of an issuer that the operator named (`named`), of which a token has
 * verified (`known`) or of which none has (`newcomer`); or a refresh that no request waits for (`background`). Each kind
 * has slots of its own, so that none can use up another's.
 */
export type DiscoveryKind = 'named' | 'known' | 'newcomer' | 'background'

interface QueuedDiscovery {
  readonly issuer: string
  readonly kind: DiscoveryKind
  readonly share: string
  readonly start: (leave: () => void) => void
}

/**
 * The queue of discoveries: bounds how many run at once and how many wait, of each kind, of each issuer, and of each site
 * within a kind, since a stranger with one site has as many issuers as he likes (see {@link mayTake}). Issuers that the operator named are not
 * bound by site.
 */
export class DiscoveryQueue {
  readonly #limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>
  readonly #running: Record<DiscoveryKind, number> = { named: 0, known: 0, newcomer: 0, background: 0 }
  readonly #issuers = new Map<string, number>()
  readonly #shares = new Map<string, number>()
  readonly #waiting: QueuedDiscovery[] = []

  constructor(limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>) {
    this.#limits = limits
  }

  /** Discoveries under way and waiting. */
  get load(): { readonly running: number; readonly waiting: number } {
    const { named, known, newcomer, background } = this.#running
    return { running: named + known + newcomer + background, waiting: this.#waiting.length }
  }

  /** Whether a discovery may {@link enter}: it would start at once, or there is room for one more to wait. Background ones never wait. */
  accepts(issuer: string, kind: DiscoveryKind): boolean {
    const share = shareOf(issuer, kind)
    if (this.#isFree(issuer, kind, share)) return true
    if (kind === 'background') return false
    const { queue } = this.#limits
    const waiting = this.#waiting.filter((one) => one.kind === kind)
    if (waiting.length >= queue) return false
    const own = waiting.filter((one) => one.share === share).length
    return kind === 'named' || mayTake(own, queue - waiting.length)
  }

  /** Whether every slot of a kind is taken. */
  isFull(kind: DiscoveryKind): boolean {
    return this.#running[kind] >= this.#limits.concurrency
  }

  /** Waits for a slot; resolves with the function that gives it back. Ask {@link accepts} first. */
  enter(issuer: string, kind: DiscoveryKind): Promise<() => void> {
    return new Promise((start) => {
      this.#waiting.push({ issuer, kind, share: shareOf(issuer, kind), start })
      this.#advance()
    })
  }

  #isFree(issuer: string, kind: DiscoveryKind, share: string): boolean {
    const { concurrency, perIssuer } = this.#limits
    if (this.isFull(kind) || (this.#issuers.get(issuer) ?? 0) >= perIssuer) return false
    return kind === 'named' || mayTake(this.#shares.get(share) ?? 0, concurrency - this.#running[kind])
  }

  #advance(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const { issuer, kind, share, start } = this.#waiting[i] as QueuedDiscovery
      if (!this.#isFree(issuer, kind, share)) {
        i++
        continue
      }
      this.#waiting.splice(i, 1)
      this.#running[kind]++
      add(this.#issuers, issuer, 1)
      add(this.#shares, share, 1)
      start(() => this.#leave(issuer, kind, share))
    }
  }

  #leave(issuer: string, kind: DiscoveryKind, share: string): void {
    this.#running[kind]--
    add(this.#issuers, issuer, -1)
    add(this.#shares, share, -1)
    this.#advance()
  }
}

const shareOf = (issuer: string, kind: DiscoveryKind): string => `${kind} ${siteOf(issuer)}`

function add(counts: Map<string, number>, name: string, one: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + one
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

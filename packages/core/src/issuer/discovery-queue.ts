import type { IssuerLimits } from './limits.js'
import { keptFrom, mayTake, type Standing, siteOf } from './site.js'

/**
 * What a discovery is for. It may be a request with a token of an issuer that the operator named (`named`), of which
 * a token has verified and which is still cached as admitted (`known`) or no longer (`former`), or of which none has
 * verified (`newcomer`). Or it is a refresh that no request waits for (`background`). Each kind has its own slots, so
 * that none can use up another's.
 */
export type DiscoveryKind = 'named' | 'known' | 'former' | 'newcomer' | 'background'

/** To whom a newcomer's discovery is counted. Default: a site that comes for the first time. */
export interface Whose {
  /** The registrable domain of the issuer. */
  readonly site: string
  /** What happened to the issuer's site before. */
  readonly standing: Standing
  /** The client of the request; `undefined` if it is unknown. */
  readonly client?: string | undefined
}

/** A request for a slot, and to whom it is counted: the site, and the client. */
interface Wanted {
  readonly issuer: string
  readonly kind: DiscoveryKind
  readonly shares: readonly string[]
  readonly standing: Standing
}

interface QueuedDiscovery extends Wanted {
  readonly start: (leave: () => void) => void
}

/**
 * The queue of discoveries. It bounds how many run and how many wait: of each kind, of each issuer, and within a kind
 * of each site and each client. A stranger with one site has any number of issuers, and a client may have many sites
 * (see {@link mayTake}). A part of the newcomers' slots is reserved for sites that come for the first time (see
 * {@link keptFrom}). These shares do not apply to issuers that the operator named.
 */
export class DiscoveryQueue {
  readonly #limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>
  readonly #running: Record<DiscoveryKind, number> = {
    named: 0,
    known: 0,
    former: 0,
    newcomer: 0,
    background: 0,
  }
  readonly #issuers = new Map<string, number>()
  readonly #shares = new Map<string, number>()
  readonly #waiting: QueuedDiscovery[] = []

  constructor(limits: Pick<IssuerLimits, 'concurrency' | 'perIssuer' | 'queue'>) {
    this.#limits = limits
  }

  /** Discoveries running and waiting. */
  get load(): { readonly running: number; readonly waiting: number } {
    const { named, known, former, newcomer, background } = this.#running
    return { running: named + known + former + newcomer + background, waiting: this.#waiting.length }
  }

  /**
   * Whether a discovery may {@link enter}: it would start at once, or there is room for it to wait. Background ones
   * never wait.
   */
  accepts(issuer: string, kind: DiscoveryKind, whose?: Whose): boolean {
    const wanted = wantedBy(issuer, kind, whose)
    if (this.#isFree(wanted)) return true
    if (kind === 'background') return false
    const { queue } = this.#limits
    const waiting = this.#waiting.filter((one) => one.kind === kind)
    if (waiting.length >= queue) return false
    return this.#mayHave(wanted, queue, queue - waiting.length, (share) =>
      waiting.reduce((own, { shares }) => own + (shares.includes(share) ? 1 : 0), 0),
    )
  }

  /** Whether every slot of a kind is taken. */
  isFull(kind: DiscoveryKind): boolean {
    return this.#running[kind] >= this.#limits.concurrency
  }

  /** Waits for a slot; resolves with a function that frees it. Call {@link accepts} first. */
  enter(issuer: string, kind: DiscoveryKind, whose?: Whose): Promise<() => void> {
    return new Promise((start) => {
      this.#waiting.push({ ...wantedBy(issuer, kind, whose), start })
      this.#advance()
    })
  }

  #isFree(wanted: Wanted): boolean {
    const { concurrency, perIssuer } = this.#limits
    const { issuer, kind } = wanted
    if (this.isFull(kind) || (this.#issuers.get(issuer) ?? 0) >= perIssuer) return false
    const free = concurrency - this.#running[kind]
    return this.#mayHave(wanted, concurrency, free, (share) => this.#shares.get(share) ?? 0)
  }

  #mayHave(
    { kind, shares, standing }: Wanted,
    all: number,
    free: number,
    own: (share: string) => number,
  ): boolean {
    if (kind === 'named') return true
    const kept = Math.floor(all * keptFrom[standing])
    return shares.every((share) => mayTake(own(share), free, kept))
  }

  #advance(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const one = this.#waiting[i] as QueuedDiscovery
      if (!this.#isFree(one)) {
        i++
        continue
      }
      this.#waiting.splice(i, 1)
      this.#running[one.kind]++
      add(this.#issuers, one.issuer, 1)
      for (const share of one.shares) add(this.#shares, share, 1)
      one.start(() => this.#leave(one))
    }
  }

  #leave({ issuer, kind, shares }: Wanted): void {
    this.#running[kind]--
    add(this.#issuers, issuer, -1)
    for (const share of shares) add(this.#shares, share, -1)
    this.#advance()
  }
}

function wantedBy(issuer: string, kind: DiscoveryKind, whose: Whose | undefined): Wanted {
  const site = `${kind} ${whose?.site ?? siteOf(issuer)}`
  const shares = whose?.client === undefined ? [site] : [site, `client ${whose.client}`]
  return { issuer, kind, shares, standing: whose?.standing ?? 'first' }
}

function add(counts: Map<string, number>, name: string, one: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + one
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

import { abortable } from './content.js'
import { type Flights, flightsOf } from './flights.js'
import { confirmationThumbprint, type HeldToken, holdToken, usable } from './held.js'
import type { Run } from './run.js'
import type { WalletKind } from './wallet.js'

/** The tokens in an agent's wallet for one resource, as one `fetch` uses them. */
export class ResourceTokens {
  readonly #run: Run
  readonly #resource: string
  /** The tokens that this `fetch` has fetched. A new token that is refused would be refused again. */
  readonly #fresh = new Set<string>()

  /** @param resource the resource's identifier */
  constructor(run: Run, resource: string) {
    this.#run = run
    this.#resource = resource
  }

  /** Whether this `fetch` has fetched it. */
  isFresh({ jwt }: HeldToken): boolean {
    return this.#fresh.has(jwt)
  }

  noteFresh({ jwt }: HeldToken): void {
    this.#fresh.add(jwt)
  }

  /** The token in the wallet, if it may still be presented. */
  async held(kind: 'person' | 'auth'): Promise<HeldToken | undefined> {
    const { agent } = this.#run
    const token = usable(holdToken(kind, await this.get(kind)), agent.now())
    // The token is bound to a former key of the agent.
    return token !== undefined && confirmationThumbprint(token.claims) === agent.settings.key.jkt
      ? token
      : undefined
  }

  /** The token that another request of this agent is fetching, so that no person is asked twice for the same. */
  async underWay(kind: 'person' | 'auth'): Promise<HeldToken | undefined> {
    const flight = this.#flights.get(this.#flightName(kind))
    return flight === undefined ? undefined : abortable(flight, this.#run.signal)
  }

  /** Fetches a token for the wallet, and for all requests that wait for it. */
  async fetched(kind: 'person' | 'auth', fetch: () => Promise<HeldToken>): Promise<HeldToken> {
    const fetching = fetch().then((token) => this.#keep(token))
    // The request that fetched reports the failure; the others then try themselves.
    const flight = fetching.catch(() => undefined)
    const name = this.#flightName(kind)
    this.#flights.set(name, flight)
    try {
      return await fetching
    } finally {
      if (this.#flights.get(name) === flight) this.#flights.delete(name)
    }
  }

  get(kind: WalletKind): Promise<string | undefined> {
    const { wallet } = this.#run.agent.settings
    return this.#run.call('wallet_failed', 'wallet.get', () => wallet.get(kind, this.#resource))
  }

  async set(kind: WalletKind, value: string, expires: number | undefined): Promise<void> {
    const { wallet } = this.#run.agent.settings
    await this.#run.call('wallet_failed', 'wallet.set', () =>
      wallet.set(kind, this.#resource, value, expires),
    )
  }

  async drop(kind: WalletKind): Promise<void> {
    const { wallet } = this.#run.agent.settings
    await this.#run.call('wallet_failed', 'wallet.delete', () => wallet.delete(kind, this.#resource))
  }

  async #keep(token: HeldToken): Promise<HeldToken> {
    this.noteFresh(token)
    await this.set(token.kind, token.jwt, token.claims.exp)
    return token
  }

  get #flights(): Flights {
    return flightsOf(this.#run.agent.settings.wallet)
  }

  #flightName(kind: 'person' | 'auth'): string {
    return `${kind} ${this.#run.agent.settings.key.jkt} ${this.#resource}`
  }
}

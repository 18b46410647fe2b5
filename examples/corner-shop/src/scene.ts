import { createMemoryStore, type DenialSubject, type PersonIdentifier, type Store } from '@countersign/core'
import {
  AgentGaveUp,
  createKey,
  createTown,
  type LedgerEntry,
  type Town,
  type TownKey,
} from '@countersign/devkit'
import { arabic } from './arabic.js'
import { distributor, distributorRoutes, distributorScopes } from './distributor.js'
import { german } from './german.js'
import { type OpenShop, resource, type ServeShop } from './serving.js'
import { type Entry, routes, Shop, scopes } from './shop.js'

/** One thing a story says will be so, and what was so. */
export interface Check {
  readonly says: string
  readonly expected: unknown
  readonly actual: unknown
  readonly holds: boolean
}

/** A town with an open shop for one story to play in. Its clock stands still unless the story moves it. */
export class Scene {
  readonly town: Town
  readonly shop: Shop = new Shop()
  readonly checks: Check[] = []
  readonly #serve: ServeShop
  readonly #key: TownKey = createKey('Ed25519', 'shop-1')
  #now: { ms: number }
  readonly #store: Store
  readonly #counters: OpenShop[] = []
  /** The distributor's order book. */
  readonly distributed: Entry[] = []
  #distributor: OpenShop | undefined
  readonly #unwatch: () => void

  private constructor(town: Town, serve: ServeShop, now: { ms: number }, unwatch: () => void) {
    this.town = town
    this.#serve = serve
    this.#now = now
    this.#unwatch = unwatch
    this.#store = createMemoryStore({ clock: town.clock })
  }

  static async set(serve: ServeShop, onExchange: (entry: LedgerEntry) => void): Promise<Scene> {
    const now = { ms: Date.now() }
    const town = await createTown({ clock: () => now.ms })
    return new Scene(town, serve, now, town.watch(onExchange))
  }

  /** Opens the shop; with an access server, that one decides for it. Once more: another counter with the same memory. */
  async openShop(accessServer?: string): Promise<void> {
    const fetch = this.town.fetchAs('shop.example')
    const counter = await this.#serve(this.shop, routes, {
      resource,
      scopes,
      signingKeys: [this.#key.privateJwk],
      store: this.#store,
      fetch,
      clock: this.town.clock,
      users: this.shop.accounts,
      messages: { ar: arabic, de: german },
      // The shop buys from its distributor in its customers' names.
      onward: { suppliers: [distributor], fetch },
      ...(accessServer === undefined ? {} : { accessServer }),
    })
    this.#counters.push(counter)
    this.town.route('shop.example', counter.port)
  }

  /** Opens the distributor; with an access server, that one decides for it. */
  async openDistributor(accessServer?: string): Promise<void> {
    this.#distributor = await this.#serve(this.shop, distributorRoutes(this.distributed), {
      resource: distributor,
      scopes: distributorScopes,
      signingKeys: [createKey('Ed25519', 'distributor-1').privateJwk],
      fetch: this.town.fetchAs('distributor.example'),
      clock: this.town.clock,
      ...(accessServer === undefined ? {} : { accessServer }),
    })
    this.town.route('distributor.example', this.#distributor.port)
  }

  /** Tells the shop whom to serve no more. */
  async deny(subject: DenialSubject): Promise<void> {
    await this.#counters[0]?.denials.add({ subject })
  }

  /** Takes a person off the tab they are on. */
  async unlink(person: PersonIdentifier): Promise<void> {
    await this.#counters[0]?.users.unlink({ person })
  }

  /** Whoever goes to the shop from now on comes to this counter; the first is 0. */
  goTo(counter: number): void {
    this.town.route('shop.example', this.#counters[counter]?.port)
  }

  /** Lets time pass. */
  pass(time: { readonly days: number }): void {
    this.#now.ms += time.days * 86_400_000
  }

  /** What a story says, held against what is so. */
  expect(says: string, actual: unknown, expected: unknown): void {
    this.checks.push({ says, actual, expected, holds: Object.is(actual, expected) })
  }

  async strike(): Promise<void> {
    // What a party still does when the story is told is no part of it.
    this.#unwatch()
    await Promise.all([...this.#counters, this.#distributor].map((open) => open?.close()))
    await this.town.close()
  }
}

/** The code with which an agent gives up, or `served` with the status if it does not. */
export async function outcomeOf(errand: Promise<Response>): Promise<string> {
  try {
    const response = await errand
    const body = (await response.json()) as { readonly error?: string }
    return [response.status, body.error].filter((part) => part !== undefined).join(' ')
  } catch (error) {
    if (error instanceof AgentGaveUp) return `gave up: ${error.code}`
    throw error
  }
}

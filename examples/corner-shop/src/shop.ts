import {
  allow,
  type Caller,
  deny,
  type Grant,
  type Onward,
  type Policy,
  type PresentedToken,
  type Requirement,
  stepUp,
} from '@countersign/core'

import { createAccounts } from './accounts.js'

/** What a customer can ask for, and what each means to the person who pays. */
export const scopes = {
  'shop.buy': 'Buy groceries on your tab',
  'shop.buy.large': 'Order for a whole party on your tab',
  'shop.staff': 'Go into the back room',
}

/** The shop behind the counter: what was sold, and to whose tab. It knows nothing of signatures or tokens. */
export class Shop {
  readonly #tabs = new Map<string, string[]>()
  /** What was ordered elsewhere, by the token of whoever ordered it here. */
  readonly orders: Entry[] = []
  readonly oven: Oven = new Oven()
  /** Which persons its customers are. */
  readonly accounts: ReturnType<typeof createAccounts> = createAccounts()

  /** Writes a sale on a customer's tab. */
  sell(item: string, customer: string): { readonly sold: string; readonly tab: readonly string[] } {
    const tab = [...(this.#tabs.get(customer) ?? []), item]
    this.#tabs.set(customer, tab)
    return { sold: item, tab }
  }

  /** What is on a customer's tab. */
  tabOf(customer: string): readonly string[] {
    return this.#tabs.get(customer) ?? []
  }

  /** How many of these were sold, to anybody. */
  sold(item: string): number {
    return [...this.#tabs.values()].flat().filter((name) => name === item).length
  }

  /** How many people have a tab. */
  get customers(): number {
    return this.#tabs.size
  }
}

/** A line in an order book: whose call it was, as far as anybody can tell from a token. */
export interface Entry {
  readonly item: string
  readonly token: Pick<PresentedToken, 'iss' | 'jti'>
}

/** What is in it comes out when it is done, and not before. */
export class Oven {
  #begin: () => void = () => undefined
  #open: () => void = () => undefined
  /** Resolves when something has been put in. */
  readonly begun: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve
  })
  readonly #done: Promise<void> = new Promise((resolve) => {
    this.#open = resolve
  })

  async bake(): Promise<void> {
    this.#begin()
    await this.#done
  }

  open(): void {
    this.#open()
  }
}

/** The shop's own rule: whatever the person says, a school account buys no tobacco. */
const noTobaccoForSchools: Policy<Grant> = ({ caller }) =>
  caller.tenant === 'school' ? deny('not_for_schools', 'This account cannot buy tobacco.') : allow()

/** Groceries are one thing, a party another: for that the person is asked once more. */
const partiesNeedMore: Policy<Grant> = ({ caller }) =>
  caller.scope.includes('shop.buy.large') ? allow() : stepUp({ scope: 'shop.buy.large' })

/** One route of the shop, for any framework. */
export interface ShopRoute {
  readonly method: 'get' | 'post'
  readonly path: string
  /** What the caller must bring; absent: nothing. */
  readonly needs?: Requirement
  serve(shop: Shop, caller: Caller | undefined, onward: () => Onward): unknown
}

/** Everything the shop serves. */
export const routes: readonly ShopRoute[] = [
  { method: 'get', path: '/', serve: () => ({ shop: 'Corner shop', goods: ['bread', 'milk', 'tobacco'] }) },
  { method: 'get', path: '/queue', needs: 'agent', serve: (_shop, caller) => ({ next: nameOf(caller) }) },
  { method: 'post', path: '/bread', needs: { scope: 'shop.buy' }, serve: sell('bread') },
  // For those who have had an account here all along: the shop's page asks them once whose agent this is.
  {
    method: 'post',
    path: '/tab/bread',
    needs: { scope: 'shop.buy', user: true },
    serve: (shop, caller) => shop.sell('bread', customerOf(caller)),
  },
  { method: 'post', path: '/milk', needs: { scope: 'shop.buy' }, serve: sell('milk') },
  {
    method: 'post',
    path: '/tobacco',
    needs: { scope: 'shop.buy', policy: noTobaccoForSchools },
    serve: sell('tobacco'),
  },
  { method: 'post', path: '/back-order', needs: { scope: 'shop.buy', onward: true }, serve: orderFlour },
  { method: 'post', path: '/cake', needs: { scope: 'shop.buy' }, serve: bakeCake },
  {
    method: 'post',
    path: '/feast',
    // Whoever comes without a grant is asked for both at once: some agents follow no second challenge.
    needs: { scope: 'shop.buy', ask: 'shop.buy.large', policy: partiesNeedMore },
    serve: sell('feast'),
  },
  {
    method: 'post',
    path: '/wedding-cake',
    needs: { scope: 'shop.buy', deliver: 'held' },
    serve: sell('wedding cake'),
  },
  {
    method: 'get',
    path: '/loyalty',
    needs: { session: { description: 'See your loyalty card' } },
    serve: (_shop, caller) => ({ card: caller?.kind === 'session' ? caller.user : undefined }),
  },
  {
    method: 'get',
    path: '/back-room',
    needs: { scope: 'shop.staff' },
    serve: () => ({ room: 'flour, sugar, a cat' }),
  },
]

/** Flour is not on the shelf: it is ordered from the distributor, in the customer's name, before anything else is done. */
async function orderFlour(shop: Shop, caller: Caller | undefined, onward: () => Onward): Promise<unknown> {
  if (caller?.kind !== 'grant') throw new Error('only a grant can be passed on')
  const response = await onward()('https://distributor.example/orders', { method: 'POST' })
  if (!response.ok) throw new Error(`the distributor answered ${response.status}`)
  shop.orders.push({ item: 'flour', token: caller.token })
  return { ordered: 'flour', ...shop.sell('flour', `${caller.person.ps} ${caller.person.sub}`) }
}

/** Who stands in the queue, and whose helper that is. */
function nameOf(caller: Caller | undefined): string {
  if (caller?.kind !== 'agent') throw new Error('only an agent token says who is calling')
  return caller.parentAgent === undefined ? caller.agent : `${caller.agent}, for ${caller.parentAgent}`
}

/** The customer that the shop knows the person as, by its own records. */
function customerOf(caller: Caller | undefined): string {
  if (caller?.kind !== 'grant' || typeof caller.user !== 'string')
    throw new Error('only a customer has a tab')
  return caller.user
}

async function bakeCake(shop: Shop, caller: Caller | undefined): Promise<unknown> {
  await shop.oven.bake()
  return sell('cake')(shop, caller)
}

function sell(item: string): (shop: Shop, caller: Caller | undefined) => unknown {
  return (shop, caller) => {
    if (caller?.kind !== 'grant') throw new Error('only a grant says whose tab it goes on')
    // A person is (person server, sub): one without the other names nobody.
    return shop.sell(item, `${caller.person.ps} ${caller.person.sub}`)
  }
}

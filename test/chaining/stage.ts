import type { ResourceOptions, ResourceServer } from '@countersign/core'
import type { AAuthEvent } from '@countersign/core/events'
import { type Agent, createTown, type Person, type PersonOptions, type Town } from '@countersign/devkit'
import { routesFrom, type TargetRoute } from '../target/routes.js'
import { type RunningTarget, resource, startTarget } from '../target/start.js'

/** The supplier's identifier, as the target's default has it. */
export const supplier = 'https://supplier.example'

/** A shop (the target), its supplier, and Sam who buys for Mom; with a clock that is set by hand. */
export interface Stage {
  readonly town: Town
  readonly mom: Person
  readonly sam: Agent
  readonly shop: ResourceServer
  /** Where the shop listens. */
  readonly port: number
  /** Of the shop, in order. */
  readonly events: readonly AAuthEvent[]
  /** The bodies of the orders that the supplier has taken. */
  readonly orders: readonly unknown[]
  /** Moves the clock, in seconds. */
  pass(seconds: number): void
  /** An auth token for sam at the shop. */
  grant(): Promise<string>
  /** Sam's order with a token, without meeting what is required. */
  order(token: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  close(): Promise<void>
}

/** How a stage is set. */
export interface StageOptions {
  readonly mom?: PersonOptions
  readonly shop?: Partial<ResourceOptions>
  /** Instead of the shop's own table. */
  readonly table?: readonly TargetRoute[]
  /** The supplier's `POST /orders`; `false`: there is no supplier. */
  readonly orders?: TargetRoute['answer'] | false
  readonly supplier?: Partial<ResourceOptions>
  /** More of what its route requires. */
  readonly supplierRoute?: object
}

/** Opens a stage. */
export async function openStage(adapter: string, options: StageOptions = {}): Promise<Stage> {
  let now = Date.UTC(2026, 10, 1)
  const town = await createTown({ clock: () => now })
  town.ap.metadata = { callback_endpoint: 'https://ap.example/cb' }
  const events: AAuthEvent[] = []
  const orders: unknown[] = []
  const running: RunningTarget[] = []
  const open = async (host: string, given: Partial<ResourceOptions>, table: readonly TargetRoute[]) => {
    const fetch = town.fetchAs(host)
    const target = await startTarget(adapter, 0, { fetch, clock: town.clock, ...given }, table)
    running.push(target)
    town.route(host, target.port)
    return target
  }
  const shop = await open(
    'rs.example',
    { onEvent: (event) => void events.push(event), ...options.shop },
    options.table ?? routesFrom(supplier),
  )
  const take: TargetRoute['answer'] = ({ body }) => {
    orders.push(JSON.parse(String(body)))
    return { order: orders.length }
  }
  if (options.orders !== false)
    await open('supplier.example', { resource: supplier, ...options.supplier }, [
      {
        method: 'POST',
        path: '/orders',
        requirement: { scope: 'data.write', ...options.supplierRoute },
        status: 201,
        answer: options.orders ?? take,
      },
    ])
  const mom = town.person('mom', options.mom)
  const sam = town.agent('sam', { person: mom })
  return {
    town,
    mom,
    sam,
    shop: shop.aauth,
    port: shop.port,
    events,
    orders,
    pass(seconds) {
      now += seconds * 1000
    },
    grant: () => town.ps.mintAuthToken({ person: mom, resource, cnf: sam.key.cnf, scope: 'data.write' }),
    order: (token, headers = {}) =>
      sam.request(
        {
          method: 'POST',
          url: `${resource}/order`,
          headers: { 'Content-Type': 'application/json', ...headers },
          body: '{"bread":2}',
        },
        { token },
      ),
    async close() {
      await Promise.all(running.map((target) => target.close()))
      await town.close()
    },
  }
}

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResourceOptions, ResourceServer } from '@countersign/core'
import { createKey } from '@countersign/devkit'
import { startExpress, startExpress4 } from './express-target.js'
import { startFastify } from './fastify-target.js'
import { access, type TargetRoute } from './routes.js'
import { createUsers } from './users.js'

/** The target's identifier; its host is the authority that signatures must cover. */
export const resource = 'https://rs.example'

const starters = new Map([
  ['express', startExpress],
  ['express4', startExpress4],
  ['fastify', startFastify],
])

/**
 * The adapters that serve the target, in this run. In CI all of them (COUNTERSIGN_TESTS=all). Elsewhere both frameworks in
 * their newest version, and one of them for the suites that run once more without short cuts, since these are core's.
 */
export const adapters: readonly string[] = served()

function served(): readonly string[] {
  if (process.env['COUNTERSIGN_TESTS'] === 'all') return [...starters.keys()]
  const shortcuts = (globalThis as { readonly [name: symbol]: unknown })[Symbol.for('countersign.shortcuts')]
  return shortcuts === false ? ['express'] : ['express', 'fastify']
}

/** For suites of what is core's alone and takes long: outside CI against one adapter, the first. */
export const coreAdapters: readonly string[] =
  process.env['COUNTERSIGN_TESTS'] === 'all' ? adapters : adapters.slice(0, 1)

/** A target that listens. */
export interface RunningTarget {
  readonly port: number
  /** The resource server behind it, as an application would use it. */
  readonly aauth: ResourceServer
  close(): Promise<void>
}

/**
 * Starts the target in this process.
 *
 * @param port 0 for any free one
 * @param table other routes than the target's
 * @throws TypeError for an unknown adapter
 */
export async function startTarget(
  adapter: string,
  port: number,
  options: Partial<ResourceOptions> = {},
  table?: readonly TargetRoute[],
): Promise<RunningTarget> {
  const start = starters.get(adapter)
  if (start === undefined) throw new TypeError(`--adapter must be one of ${[...starters.keys()].join(', ')}`)
  const { server, aauth } = await start(
    // What fails here is made to fail.
    {
      resource,
      signingKeys: [newSigningKey()],
      logger: false,
      ...access,
      users: createUsers(options.store),
      onward: onwardFor(options),
      ...options,
    },
    port,
    table,
  )
  return { port: (server.address() as AddressInfo).port, aauth, close: () => close(server) }
}

/** Suppliers are where issuers are. */
function onwardFor({ fetch }: Partial<ResourceOptions>): NonNullable<ResourceOptions['onward']> {
  return fetch === undefined ? {} : { fetch: fetch as typeof globalThis.fetch }
}

/** A private JWK that nobody has. */
export function newSigningKey(): object {
  return createKey().privateJwk
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}

// One instance of the target as a process of its own, forked by the tests of this folder and told what to do over IPC.
import type { BreakGlassOrder, DenialSubject, ResourceServer, Store } from '@countersign/core'
import type { LinkedPerson, SessionSelection } from '@countersign/core/adapter'
import { createLoopbackFetch } from '@countersign/devkit'
import { createRedisStore } from '@countersign/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { routes, type TargetRoute } from '../target/routes.js'
import { startTarget } from '../target/start.js'
import type { Call, InstanceOptions, Said } from './messages.js'

const options = JSON.parse(process.argv[2] as string) as InstanceOptions
let release: () => void = () => undefined
const released = new Promise<void>((resolve) => {
  release = resolve
})

const say = (said: Said): void => {
  process.send?.(said)
}

const transfers: TargetRoute = {
  method: 'POST',
  path: '/transfers',
  requirement: { scope: 'data.write', deliver: 'held' },
  answer: async () => {
    say({ event: 'executing' })
    if (options.slow === true) await released
    return { instance: process.pid }
  },
}

/** As a supplier. */
const orders: TargetRoute = {
  method: 'POST',
  path: '/orders',
  requirement: { scope: 'data.write' },
  status: 201,
  answer: async () => {
    say({ event: 'ordering' })
    if (options.slow === true) await released
    return { ordered: true }
  },
}

const target = await startTarget(
  options.adapter,
  0,
  {
    ...(options.resource === undefined ? {} : { resource: options.resource }),
    ...(options.observe === true ? { observe: true, enforce: { percent: 50, by: 'key' as const } } : {}),
    store: await connect(options),
    signingKeys: [options.signingKey],
    fetch: createLoopbackFetch(options.loopback),
    clock: () => Date.now() + (options.ahead ?? 0) * 1000,
    pending: { callTime: 2, retryAfter: 0 },
    onEvent: (event) => {
      if (event.name === 'break-glass-used') say({ event: 'break-glass-used' })
    },
  },
  [...routes, transfers, orders],
)

const calls: Readonly<Record<Call['name'], (server: ResourceServer, given: never) => unknown>> = {
  health: (server) => server.health(),
  report: (server) => server.report(),
  deny: (server, subject: DenialSubject) => server.denials.add({ subject, by: 'the test' }),
  allow: (server, subject: DenialSubject) => server.denials.remove(subject),
  denials: (server) => server.denials.list(),
  breakGlass: (server, order: BreakGlassOrder) => server.breakGlass.open(order),
  release: () => release(),
  approve: (server, { id, user }: { id: string; user: string }) => server.pending.approve(id, { user }),
  unlink: (server, who: LinkedPerson) => server.users.unlink(who),
  endSessions: (server, selection: SessionSelection) => server.sessions.end(selection),
}

process.on('message', async ({ id, name, given }: Call) => {
  try {
    say({ id, value: await calls[name](target.aauth, given as never) })
  } catch (error) {
    say({ id, error: String(error) })
  }
})
process.on('disconnect', () => process.exit())
say({ event: 'listening', port: target.port })

/** Both clients that users have are at work in every test: one behind each adapter. */
async function connect({ adapter, redis, replicas = 0, emptied }: InstanceOptions): Promise<Store> {
  const options = { replicas, ...(emptied === undefined ? {} : { emptied }) }
  if (adapter === 'fastify') {
    const client = new Redis(redis).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    return createRedisStore(client, options)
  }
  const client = createClient({ url: redis }).on('error', () => {})
  await client.connect()
  return createRedisStore(client, options)
}

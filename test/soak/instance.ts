// One instance with everything on, forked by `main.js` and told what to do over IPC.
import { subscribe } from 'node:diagnostics_channel'
import { readdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { approval, type PendingView, type Store } from '@countersign/core'
import { createAuditLog } from '@countersign/core/audit'
import type { AAuthEvent } from '@countersign/core/events'
import { startTelemetry } from '@countersign/core/otel'
import { createKey, createLoopbackFetch } from '@countersign/devkit'
import { createRedisStore } from '@countersign/redis'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { routes, type TargetRoute } from '../target/routes.js'
import { startTarget } from '../target/start.js'
import {
  counted,
  quickened,
  type Sample,
  type SoakedOptions,
  type SoakOrder,
  type SoakSaid,
} from './messages.js'

const options = JSON.parse(process.argv[2] as string) as SoakedOptions
/** Milliseconds: of a machine that has other things to do as well. A store that is down says so at once. */
const timeout = 4000
const say = (said: SoakSaid): void => void process.send?.(said)

const failures: string[] = []
const warnings = new Set<string>()
process.on('unhandledRejection', (cause) => failures.push(`unhandled rejection: ${String(cause)}`))
process.on('uncaughtException', (cause) => failures.push(`uncaught exception: ${String(cause)}`))
process.on('warning', ({ name, message }) => warnings.add(`${name}: ${message}`))

let received = 0
let ofTraffic = 0
let unguarded = 0
let executed = 0
const decided: Record<string, number> = {}
subscribe('http.server.request.start', (message) => {
  const { request } = message as { readonly request: IncomingMessage }
  // Prometheus asks another server of this process.
  if (request.socket.localPort === options.metrics) return
  received++
  if (request.headers[counted] !== undefined) ofTraffic++
  if (request.url?.startsWith('/login') === true) unguarded++
})

const time = quickened(options)
/** Seconds that the clock is off. */
let ahead = 0
const audit = createAuditLog({
  file: options.file,
  secret: 'a secret of the auditors of a soak',
  rotate: { bytes: 8 * 1024 * 1024 },
  headEvery: 5,
})

// Approved by somebody, a little later.
const ask = ({ id }: PendingView): void => void approve(id)
async function approve(id: string): Promise<void> {
  for (;;) {
    await wait(20 + Math.random() * 200)
    try {
      await target.aauth.pending.approve(id)
      return
    } catch {
      // The store cannot be asked.
    }
  }
}
const approved: TargetRoute = {
  method: 'POST',
  path: '/approved',
  requirement: { identity: 'agent', policy: () => approval({ ask }) },
  answer: () => ({ executed: ++executed }),
}

const target = await startTarget(
  options.adapter,
  0,
  {
    store: await connect(),
    signingKeys: [options.signingKey],
    fetch: createLoopbackFetch(options.loopback),
    clock: () => time() + ahead * 1000,
    pending: { callTime: 2, retryAfter: 0 },
    replay: true,
    storeTimeout: 5000,
    // One person server revokes here in a minute what others do in a day.
    revocationLimits: { perMinute: 6000, live: 1_000_000, newcomersPerMinute: 60_000 },
    audit,
    onEvent: count,
  },
  [...routes, approved],
)

const telemetry = startTelemetry({
  servers: [target.aauth],
  meterProvider: new MeterProvider({
    readers:
      options.metrics === undefined
        ? []
        : [new PrometheusExporter({ host: '127.0.0.1', port: options.metrics })],
  }),
})

function count(event: AAuthEvent): void {
  if (event.name !== 'decision' || event.part !== undefined) return
  // A held call is carried out as a request of its own.
  const outcome = event.held === true ? `held, ${event.outcome}` : event.outcome
  decided[outcome] = (decided[outcome] ?? 0) + 1
}
/** The client that users have with each framework. */
async function connect(): Promise<Store> {
  if (options.adapter === 'fastify') {
    const client = new Redis(options.redis).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    return createRedisStore(client, { timeout })
  }
  const client = createClient({ url: options.redis, disableOfflineQueue: true }).on('error', () => {})
  await client.connect()
  return createRedisStore(client, { timeout })
}

async function sample(): Promise<Sample> {
  // Native memory is freed by finalizers, which run after a collection, so one is not enough.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await wait(20)
  }
  const { heapUsed: heap, rss: resident } = process.memoryUsage()
  const { records, dropped, waiting } = audit.health()
  const descriptors = readdirSync('/proc/self/fd').length
  return {
    received,
    counted: ofTraffic,
    unguarded,
    decided: { ...decided },
    executed,
    warnings: [...warnings],
    failures: [...failures],
    heap,
    resident,
    descriptors,
    audit: { records, dropped, waiting },
  }
}

/** A new key signs at once, and the one before it stays published for as long as what it has signed is good. */
function rotate(): void {
  const { keys } = target.aauth
  const before = keys.list().at(1)?.kid
  const { kid } = keys.publish(createKey().privateJwk)
  keys.promote(kid, { force: true })
  if (before !== undefined) keys.retire(before, { force: true })
}

async function obey(order: SoakOrder): Promise<Sample | undefined> {
  switch (order.do) {
    case 'step':
      ahead = order.seconds
      return undefined
    case 'rotate':
      rotate()
      return undefined
    case 'deny':
      await target.aauth.denials.add({ subject: { key: order.key }, by: 'the soak' })
      return undefined
    case 'allow':
      await target.aauth.denials.remove({ key: order.key })
      return undefined
    case 'sample':
      return sample()
    case 'close': {
      await target.close()
      target.aauth.close()
      telemetry.stop()
      await audit.close()
      return sample()
    }
  }
}

process.on('message', ({ id, order }: { readonly id: number; readonly order: SoakOrder }) => {
  obey(order).then(
    (told) => say({ id, ...(told === undefined ? {} : { sample: told }) }),
    (cause: unknown) => say({ id, error: String(cause) }),
  )
})
process.on('disconnect', () => process.exit())
say({ port: target.port })

import { once } from 'node:events'
import type { Store } from '@countersign/core'
import { auditLog, observe } from '../observers.js'
import { issuerFetch, newSigningJwk, resource } from '../world.js'
import type { Cast } from './cast.js'
import type { ServerPlan } from './series.js'

/** Our default options, except for what a benchmark on one machine needs. */
export async function ourOptions(cast: Cast, { crypto, observed, store }: ServerPlan) {
  if (observed === 'otel') observe()
  let told = 0
  return {
    ...(store === undefined ? {} : { store: await sharedStore(store) }),
    resource,
    signingKeys: [newSigningJwk()],
    scopes: { 'data.read': 'Read the data' },
    // Requests are signed before a run of several minutes.
    signatureWindow: 3600,
    fetch: issuerFetch([cast.issuer]),
    ...(observed === 'events' ? { onEvent: () => void told++ } : {}),
    ...(observed === 'audit' ? { audit: auditLog() } : {}),
    crypto: cryptoFor(crypto),
  }
}

/** Connects to the Redis of the run like an application, with default settings. */
async function sharedStore(client: 'redis' | 'ioredis'): Promise<Store> {
  const url = process.env['BENCH_REDIS'] as string
  const { createRedisStore } = await import('@countersign/redis')
  if (client === 'ioredis') {
    const one = new (await import('ioredis')).Redis(url)
    // Earlier requests would be refused.
    await once(one, 'ready')
    return createRedisStore(one)
  }
  const one = (await import('redis')).createClient({ url })
  await one.connect()
  return createRedisStore(one)
}

/** node:crypto, like the limit, unless libsodium is measured: it would be found if installed. */
function cryptoFor(crypto: ServerPlan['crypto']) {
  if (crypto === 'sodium') return {}
  return crypto === undefined ? { ed25519: false as const } : { mode: crypto, ed25519: false as const }
}

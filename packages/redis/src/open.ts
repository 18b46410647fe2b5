import nodeModule from 'node:module'
import type { NodeRedisClient } from './clients.js'
import { type RedisStore, type RedisStoreOptions, StoreConnectingError, storeOver } from './redis-store.js'

/** A store with its own client. */
export interface OpenedRedisStore extends RedisStore {
  /** Closes the connection after the commands that were sent. Every later operation rejects. Never rejects itself. */
  close(): Promise<void>
}

/**
 * Opens a store in Redis or Valkey by its URL, with a client of the package `redis` 5 or 6, which must be installed.
 * It connects in the background, and reconnects when the connection is lost. Nothing waits for that: without a
 * connection every operation rejects at once with the cause, so that requests that need the store are refused
 * (`503`). If the first attempt fails, a Node warning (`AAUTH_REDIS`) says why. Of the URL, only host and port are
 * ever shown.
 *
 * @param url `redis://` or `rediss://`, with user, password and database number if needed
 * @throws TypeError when the URL is neither, an option is malformed, or the package `redis` is missing
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { openRedisStore } from '@countersign/redis'
 *
 * const store = openRedisStore('redis://localhost:6379')
 * const server = createResourceServer({ resource: 'https://notes.example', store })
 * process.once('SIGTERM', () => {
 *   server.close()
 *   void store.close()
 * })
 * ```
 */
export function openRedisStore(url: string, options: RedisStoreOptions = {}): OpenedRedisStore {
  // The URL may hold a password, so no error holds the URL.
  if (typeof url !== 'string' || !URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw new TypeError('openRedisStore: url must be redis://host:port or rediss://host:port')
  const client = loadRedis().createClient({
    url,
    disableOfflineQueue: true,
    // Detects dead connections that were never closed.
    pingInterval: 10_000,
    socket: { connectTimeout: 5000, socketTimeout: 30_000, reconnectStrategy: pauseBefore },
  })
  // Without a listener an error would end the process. The server's events say what it means for requests, and the
  // error of each operation says why.
  const began = performance.now()
  const place = new URL(url)
  let isFirst = true
  let cause: string | undefined
  const settled = (error?: unknown): void => {
    const isTold = !isFirst
    isFirst = false
    cause = error === undefined ? undefined : causeOf(error, place)
    // So that a wrong password or address shows at startup, not with the first request.
    if (cause !== undefined && !isTold)
      process.emitWarning(`openRedisStore: not connected to ${place.host}: ${cause}`, {
        type: 'AAuthWarning',
        code: 'AAUTH_REDIS',
      })
  }
  client.on('error', settled)
  client.on('ready', () => settled())
  const absence = (): Error =>
    isFirst && performance.now() - began < firstAttempt
      ? new StoreConnectingError('the Redis client is not connected yet')
      : new Error(`not connected to ${place.host}${cause === undefined ? '' : `: ${cause}`}`)
  const store = storeOver(client, options, absence)
  client.connect().catch(settled)
  const closeOnce = (): Promise<void> => {
    isFirst = false
    return close(client)
  }
  return Object.assign(store, { close: closeOnce })
}

/** Milliseconds after the start in which a missing connection is no failure. */
const firstAttempt = 2000

/** The client's message about a failed connection, in one line, without user and password. */
function causeOf(error: unknown, { username, password }: URL): string {
  // When a name has several addresses, each has an error.
  const [first = error] = error instanceof AggregateError ? (error.errors as readonly unknown[]) : []
  const said = first instanceof Error ? first.message : String(first)
  const secrets = [password, username].flatMap((part) => [part, decoded(part)])
  const without = secrets
    .filter((secret) => secret !== '' && secret !== 'default')
    .reduce((text, secret) => text.replaceAll(secret, '…'), said)
  return without.replaceAll(/[^\x20-\x7e…]+/g, ' ').slice(0, 200)
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Milliseconds that the server has to answer pending commands. */
const closingTime = 1000

async function close(client: OwnClient): Promise<void> {
  if (!client.isOpen) return
  const late = setTimeout(() => client.destroy(), closingTime)
  try {
    // A client without a connection would keep trying to connect.
    if (client.isReady) await client.close()
    else client.destroy()
  } catch {
    // It was closed in the meantime.
  } finally {
    clearTimeout(late)
  }
}

/** Milliseconds until the next attempt to connect: short after a restart, and at most two seconds. */
const pauseBefore = (attempts: number): number =>
  Math.min(2000, 50 * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2)

/** A client of the package `redis`, described by the members used here. */
interface OwnClient extends NodeRedisClient {
  readonly isReady: boolean
  on(event: 'error' | 'ready', listener: (error: unknown) => void): unknown
  connect(): Promise<unknown>
  close(): Promise<unknown>
  destroy(): void
}

interface RedisPackage {
  createClient(options: Readonly<Record<string, unknown>>): OwnClient
}

/** Loaded at runtime, and no dependency: applications with their own client do not need it. */
function loadRedis(): RedisPackage {
  const require = nodeModule.createRequire(import.meta.url)
  let loaded: RedisPackage
  try {
    loaded = require('redis') as RedisPackage
  } catch (cause) {
    throw new TypeError('openRedisStore: the package redis is missing: npm install redis', { cause })
  }
  return loaded
}

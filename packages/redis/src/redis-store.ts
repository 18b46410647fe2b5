import { provenStore, type Store } from '@countersign/core'
import {
  commandsOf,
  type IORedisClient,
  isCluster5,
  keyPrefixOf,
  type NodeRedisClient,
  staleReads,
} from './clients.js'
import { CommandStore } from './command-store.js'
import { defaultJournalBytes, Journal } from './journal.js'
import { partsOf } from './parts.js'
import { confirmed } from './replicas.js'

/** A client of `redis` 5 or 6, or of `ioredis`. */
export type RedisClient = NodeRedisClient | IORedisClient

/** Options of {@link createRedisStore}. */
export interface RedisStoreOptions {
  /**
   * Prefix of every key. Default `countersign:`. Different resources that share a Redis need different prefixes;
   * instances of one resource need the same. In a cluster one of 64 tags in braces follows it
   * (`countersign:{7}revoked:…`). If the prefix has a tag of its own (`{shop}:`), everything is in one slot, on one
   * shard.
   */
  readonly prefix?: string
  /** Milliseconds a command may take. Default 500. */
  readonly timeout?: number
  /**
   * Number of replicas that must confirm a write before it counts (`WAIT`), so that a failover loses nothing that was
   * acknowledged. Default 0; at most 16. Each write costs a second round trip, and has half of `timeout` to reach the
   * replicas; while fewer replicas follow, all writes are refused. Set it to the number of replicas that can be
   * promoted; with a smaller number, Sentinel usually promotes one that has the writes. Not for pools, nor for a
   * `redis` sentinel with a `masterPoolSize` above 1.
   */
  readonly replicas?: number
  /**
   * What happens when Redis has lost its data: it was restarted without persistence, flushed, or replaced by an empty
   * replica. Except with `accept`, every instance rejects from its next read on.
   *
   * - `restore`, the default: each instance writes back the revocations, denials, ended sessions and used signatures
   *   that it recorded itself, and all continue after about four seconds. What only ended processes knew is lost.
   *   Processes that hang or are cut off for so long write back what they know when they return. Sessions kept in the
   *   store and pending calls are lost.
   * - `refuse`: all reject until {@link RedisStore.acceptLoss} is called.
   * - `accept`: all continue at once, without the lost revocations and denials.
   *
   * Only a process that has read from Redis before detects a loss, so instances that all start with an empty Redis do
   * not. In a cluster the loss is detected for each of 64 parts, each of which is one slot, and by every process as
   * long as one part is left. Only operations that need a lost part reject.
   */
  readonly emptied?: 'restore' | 'refuse' | 'accept'
  /**
   * With `emptied: 'restore'`, the number of bytes of entries that each process keeps to write back. Default
   * 16 777 216 (16 MiB), about 50 000 entries, and more than strangers can fill with revocations; at least 65 536.
   * Beyond that, used signatures are dropped first; then a restoration waits until they have expired, a few minutes
   * at most. Revocations and ended sessions are dropped next, and denials last; then all reject as with `refuse`.
   */
  readonly journalBytes?: number
}

/** A store in Redis. */
export interface RedisStore extends Store {
  /**
   * Accepts a loss for all instances with the same `prefix`, so that Redis is used again. Before calling it, restore
   * what you can through a store with `emptied: 'accept'`. Without a loss it changes nothing.
   *
   * @throws Error when Redis cannot be reached. In a cluster some parts may have been accepted then: call it again
   */
  acceptLoss(): Promise<void>
}

/**
 * A store in Redis or Valkey, over a client that the application creates and connects. It sends only `GET`, `MGET`,
 * `DEL` and `SET … PX … [NX]`, every key has a time to live, and in a cluster each command names one key. If an ACL
 * forbids `MGET`, it sends several `GET` instead.
 *
 * While the client is not connected, every operation rejects at once instead of queueing. The client reconnects in
 * its own way, and the store works again with the next call. A command that gets no answer in time also rejects, and
 * may have taken effect.
 *
 * Some clients ignore `NX` and `PX` without an error (`redis` 4, `legacyMode`). So the client is tested at its first
 * use: if a second claim wins, or entries do not last exactly for their time, every operation rejects.
 *
 * The server must not evict: `maxmemory-policy noeviction`. When it is out of memory, operations reject with
 * {@link StoreFullError}.
 *
 * @throws TypeError when the client is of an unsupported library, or set to read from replicas or a client-side
 * cache, or an option is malformed
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { createRedisStore } from '@countersign/redis'
 * import { createClient } from 'redis'
 *
 * const client = createClient({ url: 'redis://localhost:6379', disableOfflineQueue: true })
 * client.on('error', console.error)
 * await client.connect()
 * const server = createResourceServer({ resource: 'https://notes.example', store: createRedisStore(client) })
 * ```
 */
export function createRedisStore(client: RedisClient, options: RedisStoreOptions = {}): RedisStore {
  return storeOver(client, options, () => new Error('the Redis client is not connected'))
}

/**
 * Like {@link createRedisStore}, over our own client.
 *
 * @param absence the error while there is no connection, without secrets
 */
export function storeOver(client: RedisClient, options: RedisStoreOptions, absence: () => Error): RedisStore {
  const {
    prefix = 'countersign:',
    timeout = 500,
    replicas = 0,
    emptied,
    journalBytes = defaultJournalBytes,
  } = options
  const commands = commandsOf(client)
  if (commands === undefined) throw new TypeError('client: must be a client of redis 5 or 6, or of ioredis')
  const stale = staleReads(client)
  if (stale !== undefined) throw new TypeError(`client: ${stale}: a revocation has to be read at once`)
  if (isCluster5(client)) {
    throw new TypeError(
      'client: a cluster of redis 5 never comes back after a failover; use redis 6 or ioredis',
    )
  }
  if (typeof prefix !== 'string' || !/^[\x21-\x7e]{0,64}$/.test(prefix)) {
    throw new TypeError('option prefix: must be at most 64 printable ASCII characters without spaces')
  }
  if (!Number.isInteger(timeout) || timeout < 1)
    throw new TypeError('option timeout: must be a positive whole number of milliseconds')
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > 16) {
    throw new TypeError('option replicas: must be a whole number from 0 to 16')
  }
  if (emptied !== undefined && !reactions.has(emptied))
    throw new TypeError("option emptied: must be 'restore', 'refuse' or 'accept'")
  if (!Number.isInteger(journalBytes) || journalBytes < 65_536)
    throw new TypeError('option journalBytes: must be a whole number of bytes, at least 65536')
  // The other half is for the write itself.
  const confirmation = { replicas, within: Math.max(1, Math.floor(timeout / 2)) }
  const sent = replicas === 0 ? commands : confirmed(client, commands, confirmation)
  const isWatched = emptied !== 'accept'
  const journal =
    isWatched && emptied !== 'refuse' ? new Journal(journalBytes, () => performance.now()) : undefined
  const parts = partsOf(prefix, commands.isCluster, keyPrefixOf(client))
  const unconfirmed = commands
  const onReady = readinessOf(client)
  const store = new CommandStore(sent, { parts, timeout, onReady, absence, isWatched, journal, unconfirmed })
  return Object.assign(provenStore(store), { acceptLoss: () => store.acceptLoss() })
}

const reactions: ReadonlySet<unknown> = new Set(['restore', 'refuse', 'accept'])

/** A server recognises it by its name, and does not count it as a failure. */
export class StoreConnectingError extends Error {
  override readonly name = 'StoreConnectingError'
}

/** Most clients have the event `ready`. A cluster of `redis` does not, and is tried again after its pause. */
function readinessOf(client: RedisClient): ((listener: () => void) => void) | undefined {
  const { on } = client as { readonly on?: unknown }
  return typeof on === 'function' ? (listener) => void on.call(client, 'ready', listener) : undefined
}

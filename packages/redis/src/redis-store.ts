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
   * Put before every key. Default `countersign:`. Resource servers that share a Redis but are different resources need
   * one each; instances of one resource need the same. In a cluster a tag in braces follows it, of which there are 64
   * (`countersign:{7}revoked:…`); with a tag of its own (`{shop}:`) everything lies in one slot, on one shard.
   */
  readonly prefix?: string
  /** Milliseconds a command may take. Default 500. */
  readonly timeout?: number
  /**
   * Replicas that have to have a write before it counts (`WAIT`), so that a failover loses nothing that was acknowledged.
   * Default 0; at most 16. Each write costs a second round trip, and has half of `timeout` to reach the replicas; while
   * fewer of them follow, all writes are refused. Name as many as can be promoted; with fewer, Sentinel most often
   * promotes one that has them. Not for pools, nor for a `redis` sentinel with a `masterPoolSize` above 1.
   */
  readonly replicas?: number
  /**
   * What happens when Redis has lost what it held: restarted without persistence, flushed, or replaced by a replica that had
   * nothing. From the next read on every instance rejects, in any case but the last.
   *
   * - `restore`, the default: each writes back the revocations, denials, ended sessions and used signatures that it has
   *   itself recorded, and all go on by themselves after some four seconds. Lost is what only processes knew that
   *   have ended, or that hang or are cut off for so long; these write back what they know when they come again. Sessions
   *   kept in the store and calls that wait are lost.
   * - `refuse`: until {@link RedisStore.acceptLoss} is called.
   * - `accept`: it goes on at once, without what was revoked and denied.
   *
   * It is noticed by whoever has read from it before, not by a fleet that starts together with an empty Redis. In a cluster it
   * is noticed of each of 64 parts, each of which is one slot, and by everybody as long as one of them is left; only what needs
   * a part that has lost something is rejected.
   */
  readonly emptied?: 'restore' | 'refuse' | 'accept'
  /**
   * With `emptied: 'restore'`, the bytes of what each process keeps to write it back. Default 16 777 216 (16 MiB), some 50 000
   * entries, and more than strangers can fill with revocations; at least 65 536. What exceeds it is not kept: used signatures
   * first, and then going on waits until they have expired, some minutes at most; then revocations and ends of sessions, and
   * denials last, and then all refuse as with `refuse`.
   */
  readonly journalBytes?: number
}

/** A store in Redis. */
export interface RedisStore extends Store {
  /**
   * Says that Redis may be used again though it has lost what it held, to all instances of the same `prefix`. Before it,
   * restore what you can, through a store that has `emptied: 'accept'`. Without a loss it changes nothing.
   *
   * @throws Error when Redis cannot be asked; in a cluster it may then have been said of some parts, and has to be said again
   */
  acceptLoss(): Promise<void>
}

/**
 * A store in Redis or Valkey, over a client that the application has and connects itself. `GET`, `MGET`, `DEL`
 * and `SET … PX … [NX]` are all it sends, every key has a time to live, and in a cluster each command names one key. Where
 * an ACL does not allow `MGET`, it sends as many `GET`.
 *
 * While the client is not connected every operation rejects at once instead of queueing; the client reconnects in its own
 * way, and the store works again with the next call. A command that was sent and got no answer in time rejects, too,
 * and may have taken effect.
 *
 * Some clients ignore `NX` and `PX` without an error (`redis` 4, `legacyMode`). So the client is tested at its first use:
 * where a second claim wins, or entries do not last for their time and no longer, every operation rejects.
 *
 * The server must not evict: `maxmemory-policy noeviction`. One that is out of memory is a {@link StoreFullError}.
 *
 * @throws TypeError when the client is not of a supported library, or is set to read from replicas or a cache of its own, or an
 * option is malformed
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

/** Like {@link createRedisStore}, over a client of our own. @param absence why nothing is sent while there is no connection; without anything secret */
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
  // The rest of the time is for the write itself.
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

/** A server knows it by its name, and does not count it as a failure. */
export class StoreConnectingError extends Error {
  override readonly name = 'StoreConnectingError'
}

/** Clients of all kinds say so; a cluster of `redis` does not, and is tried again after its rest. */
function readinessOf(client: RedisClient): ((listener: () => void) => void) | undefined {
  const { on } = client as { readonly on?: unknown }
  return typeof on === 'function' ? (listener) => void on.call(client, 'ready', listener) : undefined
}

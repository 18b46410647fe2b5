import { provenStore, type Store, StoreFullError } from '@countersign/core'
import {
  type Commands,
  commandsOf,
  type IORedisClient,
  isCluster5,
  type NodeRedisClient,
  staleReads,
} from './clients.js'
import { Epoch, epochMilliseconds } from './epoch.js'
import { confirmed } from './replicas.js'
import { slotOf, slots } from './slot.js'

/** A client of `redis` 5 or 6, or of `ioredis`. */
export type RedisClient = NodeRedisClient | IORedisClient

/** Options of {@link createRedisStore}. */
export interface RedisStoreOptions {
  /**
   * Put before every key. Default `countersign:`. Resource servers that share a Redis but are different resources need
   * one each; instances of one resource need the same.
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
   * nothing. `refuse`, the default: from the next read on every instance rejects, until {@link RedisStore.acceptLoss} is
   * called. `accept`: it goes on, without what was revoked and denied. It is noticed by whoever has read from it before,
   * not by a fleet that starts together with an empty Redis; and not in a cluster, where only `accept` may be given.
   */
  readonly emptied?: 'refuse' | 'accept'
}

/** A store in Redis. */
export interface RedisStore extends Store {
  /**
   * Says that Redis may be used again though it has lost what it held, to all instances of the same `prefix`. Before it,
   * restore what you can, through a store that has `emptied: 'accept'`. Without a loss it changes nothing.
   *
   * @throws Error when Redis cannot be asked, or the client is a cluster
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
  const { prefix = 'countersign:', timeout = 500, replicas = 0, emptied } = options
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
  if (emptied !== undefined && emptied !== 'refuse' && emptied !== 'accept')
    throw new TypeError("option emptied: must be 'refuse' or 'accept'")
  if (emptied === 'refuse' && commands.isCluster)
    throw new TypeError("option emptied: a cluster of which a part was emptied is not noticed; only 'accept'")
  // The rest of the time is for the write itself.
  const confirmation = { replicas, within: Math.max(1, Math.floor(timeout / 2)) }
  const sent = replicas === 0 ? commands : confirmed(client, commands, confirmation)
  const isWatched = emptied !== 'accept' && !commands.isCluster
  const store = new CommandStore(sent, { prefix, timeout, client, absence, isWatched })
  return Object.assign(provenStore(store), { acceptLoss: () => store.acceptLoss() })
}

// The slots of a cluster lie in long runs on its shards, so that one part is seldom on two of them.
const slotsOfPart = slots / 64

interface RedisStoreContext {
  readonly prefix: string
  readonly timeout: number
  readonly client: RedisClient
  readonly absence: () => Error
  /** Whether it is noticed that Redis has lost what it held. */
  readonly isWatched: boolean
}

/** A server knows it by its name, and does not count it as a failure. */
export class StoreConnectingError extends Error {
  override readonly name = 'StoreConnectingError'
}

class CommandStore implements Store {
  readonly part?: (key: string) => number
  readonly #commands: Commands
  readonly #prefix: string
  readonly #timeout: number
  readonly #absence: () => Error
  readonly #listeners = new Set<() => void>()
  readonly #epoch: Epoch
  readonly #epochKey: string
  readonly #isWatched: boolean
  /** How often there was a new connection, and how often there was at the last look at the epoch. */
  #connections = 0
  #looked = -1
  #mayReadMany = true

  constructor(commands: Commands, { prefix, timeout, client, absence, isWatched }: RedisStoreContext) {
    this.#commands = commands
    this.#prefix = prefix
    this.#timeout = timeout
    this.#absence = absence
    this.#isWatched = isWatched
    const epochKey = `${prefix}epoch`
    this.#epochKey = epochKey
    this.#epoch = new Epoch({
      get: async () => textOf(await this.#send((sent) => sent.get(epochKey))),
      claim: (value) => this.#send((sent) => sent.setIfAbsent(epochKey, value, epochMilliseconds)),
      put: (value) => this.#send((sent) => sent.set(epochKey, value, epochMilliseconds)),
    })
    // Clients of all kinds say so; a cluster of `redis` does not, and is tried again after its rest.
    const { on } = client as { readonly on?: unknown }
    if (typeof on === 'function')
      on.call(client, 'ready', () => {
        this.#connections++
        for (const listener of this.#listeners) listener()
      })
    if (commands.isCluster) this.part = (key) => Math.floor(slotOf(prefix + key) / slotsOfPart)
  }

  onConnected(listener: () => void): void {
    this.#listeners.add(listener)
  }

  async get(key: string): Promise<string | undefined> {
    const [value] = await this.getMany([key])
    return value
  }

  async getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    const names = keys.map((key) => this.#prefix + key)
    if (!this.#isWatched) return (await this.#readMany(names)).map(textOf)
    names.push(this.#epochKey)
    const connections = this.#connections
    const values = (await this.#readMany(names)).map(textOf)
    const epoch = values.pop()
    if (!this.#epoch.isKnown(epoch)) await this.#epoch.judge(epoch)
    this.#looked = connections
    return values
  }

  async put(key: string, value: string, ttl: number): Promise<void> {
    await this.#send((commands) => commands.set(this.#prefix + key, value, milliseconds(ttl)))
  }

  async claim(key: string, value: string, ttl: number): Promise<boolean> {
    const reply = await this.#send((commands) =>
      commands.setIfAbsent(this.#prefix + key, value, milliseconds(ttl)),
    )
    // What won because everything is gone has not won. A client may send it again over a new connection.
    if (this.#isWatched && this.#looked !== this.#connections) {
      const connections = this.#connections
      await this.#epoch.check()
      this.#looked = connections
    }
    return reply !== null && reply !== undefined
  }

  async delete(key: string): Promise<void> {
    await this.#send((commands) => commands.del(this.#prefix + key))
  }

  async acceptLoss(): Promise<void> {
    if (this.#commands.isCluster)
      throw new Error('acceptLoss: the loss of a part of a cluster is not noticed')
    await this.#epoch.accept()
  }

  async #readMany(names: string[]): Promise<readonly unknown[]> {
    return this.#send(async (commands) => {
      const { getMany } = commands
      if (this.#mayReadMany && getMany !== undefined) {
        try {
          return await getMany(names)
        } catch (cause) {
          if (!(cause instanceof Error && cause.message.startsWith('NOPERM'))) throw cause
          this.#mayReadMany = false
        }
      }
      // A client sends those together, too.
      return Promise.all(names.map((name) => commands.get(name)))
    })
  }

  async #send<T>(command: (commands: Commands) => Promise<T>): Promise<T> {
    if (!this.#commands.ready()) throw this.#absence()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `Redis gave no answer within ${this.#timeout} ms`
      timer = setTimeout(() => reject(new Error(message)), this.#timeout)
      // Under timers that a test has put in place it may be anything.
      ;(timer as Partial<NodeJS.Timeout>).unref?.()
    })
    try {
      return await Promise.race([command(this.#commands), late])
    } catch (cause) {
      // `OOM command not allowed when used memory > 'maxmemory'`
      const full = cause instanceof Error && cause.message.startsWith('OOM')
      throw full ? new StoreFullError('Redis is out of memory (maxmemory)', { cause }) : cause
    } finally {
      clearTimeout(timer)
    }
  }
}

function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) return undefined
  // A client whose type mapping asks for buffers.
  return typeof reply === 'string' ? reply : Buffer.from(reply as Uint8Array).toString('utf8')
}

// Redis counts whole milliseconds, and refuses none at all.
const milliseconds = (ttl: number): number => Math.max(1, Math.ceil(ttl * 1000))

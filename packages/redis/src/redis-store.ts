import { provenStore, type Store, StoreFullError } from '@countersign/core'
import {
  type Commands,
  commandsOf,
  type IORedisClient,
  isCluster5,
  type NodeRedisClient,
  staleReads,
} from './clients.js'
import { Epoch } from './epoch.js'
import { epochName } from './epoch-keys.js'
import { defaultJournalBytes, Journal } from './journal.js'
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
   * nothing. From the next read on every instance rejects, in any case but the last.
   *
   * - `restore`, the default: each writes back the revocations, denials, ended sessions and used signatures that it has
   *   itself recorded, and all go on by themselves after some four seconds. Lost is what only processes knew that
   *   have ended, or that hang or are cut off for so long; these write back what they know when they come again. Sessions
   *   kept in the store and calls that wait are lost.
   * - `refuse`: until {@link RedisStore.acceptLoss} is called.
   * - `accept`: it goes on at once, without what was revoked and denied.
   *
   * It is noticed by whoever has read from it before, not by a fleet that starts together with an empty Redis; and not in a
   * cluster, where only `accept` may be given.
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
  if (emptied !== undefined && emptied !== 'accept' && commands.isCluster)
    throw new TypeError("option emptied: a cluster of which a part was emptied is not noticed; only 'accept'")
  if (!Number.isInteger(journalBytes) || journalBytes < 65_536)
    throw new TypeError('option journalBytes: must be a whole number of bytes, at least 65536')
  // The rest of the time is for the write itself.
  const confirmation = { replicas, within: Math.max(1, Math.floor(timeout / 2)) }
  const sent = replicas === 0 ? commands : confirmed(client, commands, confirmation)
  const isWatched = emptied !== 'accept' && !commands.isCluster
  const journal =
    isWatched && emptied !== 'refuse' ? new Journal(journalBytes, () => performance.now()) : undefined
  const unconfirmed = commands
  const store = new CommandStore(sent, { prefix, timeout, client, absence, isWatched, journal, unconfirmed })
  return Object.assign(provenStore(store), { acceptLoss: () => store.acceptLoss() })
}

const reactions: ReadonlySet<unknown> = new Set(['restore', 'refuse', 'accept'])

// Milliseconds after which clients that reconnect have tried again, by their own defaults, and looked.
const reconnecting = 3000

// The slots of a cluster lie in long runs on its shards, so that one part is seldom on two of them.
const slotsOfPart = slots / 64

interface RedisStoreContext {
  readonly prefix: string
  readonly timeout: number
  readonly client: RedisClient
  readonly absence: () => Error
  /** Whether it is noticed that Redis has lost what it held. */
  readonly isWatched: boolean
  /** What is written back then; absent where nothing is. */
  readonly journal: Journal | undefined
  /** Writes that do not wait for replicas. */
  readonly unconfirmed: Commands
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
  readonly #journal: Journal | undefined
  readonly #restoredListeners = new Set<(entries: number) => void>()
  readonly #isWatched: boolean
  #mayReadMany = true

  constructor(commands: Commands, context: RedisStoreContext) {
    const { prefix, timeout, client, absence, isWatched, journal, unconfirmed } = context
    this.#commands = commands
    this.#prefix = prefix
    this.#timeout = timeout
    this.#absence = absence
    this.#isWatched = isWatched
    this.#journal = journal
    this.#epochKey = prefix + epochName
    const set = (to: Commands) => (name: string, value: string, ms: number) =>
      this.#send(() => to.set(prefix + name, value, ms))
    const claim = (to: Commands) => async (name: string, value: string, ms: number) =>
      isSet(await this.#send(() => to.setIfAbsent(prefix + name, value, ms)))
    this.#epoch = new Epoch({
      commands: {
        ready: () => commands.ready(),
        get: async (name) => textOf(await this.#send((sent) => sent.get(prefix + name))),
        claim: claim(commands),
        put: set(commands),
        claimUnconfirmed: claim(unconfirmed),
        putUnconfirmed: set(unconfirmed),
      },
      journal,
      window: reconnecting + 2 * timeout,
      monotonic: () => performance.now(),
      onRestored: ({ written }) => {
        for (const listener of this.#restoredListeners) listener(written)
      },
    })
    // Clients of all kinds say so; a cluster of `redis` does not, and is tried again after its rest.
    const { on } = client as { readonly on?: unknown }
    if (typeof on === 'function')
      on.call(client, 'ready', () => {
        for (const listener of this.#listeners) listener()
        this.#epoch.look()
      })
    if (commands.isCluster) this.part = (key) => Math.floor(slotOf(prefix + key) / slotsOfPart)
  }

  onConnected(listener: () => void): void {
    this.#listeners.add(listener)
    if (this.#commands.ready()) queueMicrotask(listener)
  }

  onRestored(listener: (entries: number) => void): void {
    this.#restoredListeners.add(listener)
  }

  async get(key: string): Promise<string | undefined> {
    const [value] = await this.getMany([key])
    return value
  }

  getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    const names = keys.map((key) => this.#prefix + key)
    if (this.#isWatched) names.push(this.#epochKey)
    return this.#readMany(names).then(this.#judged)
  }

  readonly #judged = (
    replies: readonly unknown[],
  ): readonly (string | undefined)[] | Promise<readonly (string | undefined)[]> => {
    const values = replies.map(textOf)
    if (!this.#isWatched) return values
    const epoch = values.pop()
    return this.#epoch.isKnown(epoch) ? values : this.#epoch.judge(epoch).then(() => values)
  }

  async put(key: string, value: string, ttl: number): Promise<void> {
    const ms = milliseconds(ttl)
    const before = this.#epoch.state
    await this.#send((commands) => commands.set(this.#prefix + key, value, ms))
    if (this.#journal === undefined) return
    if (this.#note(key, value, ms) && this.#epoch.state !== before)
      // It may have been written before a loss, and everything else been written back before this was noted.
      await this.#send((commands) => commands.set(this.#prefix + key, value, ms))
  }

  async claim(key: string, value: string, ttl: number): Promise<boolean> {
    const ms = milliseconds(ttl)
    const name = this.#prefix + key
    if (!this.#isWatched) return isSet(await this.#send((commands) => commands.setIfAbsent(name, value, ms)))
    // What won because everything is gone has not won. It is looked at after the claim, over the same connection; a client
    // may send both again over a new one.
    const [reply, epoch] = await this.#send(async (commands) => {
      const claimed = commands.setIfAbsent(name, value, ms)
      if (!commands.isOrdered) await claimed
      return Promise.all([claimed, commands.get(this.#epochKey)])
    })
    const found = textOf(epoch)
    if (!this.#epoch.isKnown(found)) await this.#epoch.judge(found)
    this.#epoch.assertSettled()
    const won = isSet(reply)
    if (won) this.#note(key, value, ms)
    return won
  }

  async delete(key: string): Promise<void> {
    // It could be written back a moment later.
    if (this.#journal?.get(key) !== undefined) {
      this.#epoch.assertSettled()
      this.#journal.forget(key)
    }
    await this.#send((commands) => commands.del(this.#prefix + key))
  }

  #note(key: string, value: string, ms: number): boolean {
    const isNoted = this.#journal?.note(key, value, ms) === true
    if (isNoted) this.#epoch.watch()
    return isNoted
  }

  async acceptLoss(): Promise<void> {
    if (this.#commands.isCluster)
      throw new Error('acceptLoss: the loss of a part of a cluster is not noticed')
    await this.#epoch.accept()
  }

  #readMany(names: string[]): Promise<readonly unknown[]> {
    return this.#send((commands) => {
      const { getMany } = commands
      if (!this.#mayReadMany || getMany === undefined) return getEach(commands, names)
      return getMany(names).then(undefined, (cause: unknown) => {
        if (!(cause instanceof Error && cause.message.startsWith('NOPERM'))) throw cause
        this.#mayReadMany = false
        return getEach(commands, names)
      })
    })
  }

  #send<T>(command: (commands: Commands) => Promise<T>): Promise<T> {
    if (!this.#commands.ready()) return Promise.reject(this.#absence())
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`Redis gave no answer within ${this.#timeout} ms`))
      const timer = setTimeout(late, this.#timeout)
      // Under timers that a test has put in place it may be anything.
      ;(timer as Partial<NodeJS.Timeout>).unref?.()
      const fail = (cause: unknown): void => {
        clearTimeout(timer)
        // `OOM command not allowed when used memory > 'maxmemory'`
        const full = cause instanceof Error && cause.message.startsWith('OOM')
        reject(full ? new StoreFullError('Redis is out of memory (maxmemory)', { cause }) : cause)
      }
      try {
        command(this.#commands).then((value) => {
          clearTimeout(timer)
          resolve(value)
        }, fail)
      } catch (cause) {
        fail(cause)
      }
    })
  }
}

/** A client sends those together, too. */
const getEach = (commands: Commands, names: readonly string[]): Promise<readonly unknown[]> =>
  Promise.all(names.map((name) => commands.get(name)))

function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) return undefined
  // A client whose type mapping asks for buffers.
  return typeof reply === 'string' ? reply : Buffer.from(reply as Uint8Array).toString('utf8')
}

const isSet = (reply: unknown): boolean => reply !== null && reply !== undefined

// Redis counts whole milliseconds, and refuses none at all.
const milliseconds = (ttl: number): number => Math.max(1, Math.ceil(ttl * 1000))

import { slotOf } from './slot.js'

// The supported clients, described by the members used here. None of them is a dependency of this package.

/** A client, pool or sentinel of `redis` 5 or 6 (node-redis), or a cluster of 6. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  /** If it is absent (clusters, pools), only the client's own queue and the option `timeout` apply. */
  readonly isReady?: boolean
  get(key: string): Promise<unknown>
  /** If it is absent, keys are read one by one. */
  mGet?(keys: string[]): Promise<readonly unknown[]>
  set(
    key: string,
    value: string,
    options: { readonly expiration: { type: 'PX'; value: number }; readonly condition?: 'NX' },
  ): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** A client or cluster of `ioredis` 5 or 6. */
export interface IORedisClient {
  readonly status: string
  get(key: string): Promise<unknown>
  /** If it is absent, keys are read one by one. */
  mget?(keys: string[]): Promise<readonly unknown[]>
  set(key: string, value: string, px: 'PX', milliseconds: number): Promise<unknown>
  set(key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** The commands used, in the same form for all clients. Valkey has all of them. */
export interface Commands {
  readonly library: 'redis' | 'ioredis'
  readonly isCluster: boolean
  /** Whether commands sent in one turn are executed in that order, because they use one connection. */
  readonly isOrdered: boolean
  /** The primary that holds a key, as far as the client knows; outside a cluster the same for all keys. */
  nodeOf(key: string): string
  /** Whether a command is sent at once. A client that is reconnecting queues it for an unknown time. */
  ready(): boolean
  get(key: string): Promise<unknown>
  /** `MGET`; absent when keys may be on different nodes, or the client lacks the command. */
  getMany?(keys: string[]): Promise<readonly unknown[]>
  /** `SET key value PX ms` */
  set(key: string, value: string, milliseconds: number): Promise<unknown>
  /** `SET key value PX ms NX`; `null` when the key exists */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** The commands of a client; `undefined` for an unsupported one. */
export function commandsOf(client: unknown): Commands | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  const members = client as Readonly<Record<string, unknown>>
  if (!['get', 'set', 'del'].every((command) => typeof members[command] === 'function')) return undefined
  if (typeof members['isOpen'] === 'boolean') return nodeRedis(client as NodeRedisClient)
  if (typeof members['status'] === 'string') return ioredis(client as IORedisClient)
  return undefined
}

function nodeRedis(client: NodeRedisClient): Commands {
  const expiration = (value: number) => ({ expiration: { type: 'PX', value } }) as const
  const isCluster = isNodeRedisCluster(client)
  return {
    library: 'redis',
    isCluster,
    isOrdered: !isCluster && !isSentinel(client) && !isPool(client),
    ...(isCluster || typeof client.mGet !== 'function' ? {} : { getMany: manyOf(client) }),
    nodeOf: (key) => (client as NodeRedisCluster).slots?.[slotOf(key)]?.master?.address ?? '',
    ready: () => client.isReady ?? client.isOpen,
    get: (key) => (isSentinel(client) ? client.sendCommand(false, ['GET', key]) : client.get(key)),
    set: (key, value, milliseconds) => client.set(key, value, expiration(milliseconds)),
    setIfAbsent: (key, value, milliseconds) =>
      client.set(key, value, { ...expiration(milliseconds), condition: 'NX' }),
    del: (key) => client.del(key),
  }
}

function manyOf(client: NodeRedisClient): (keys: string[]) => Promise<readonly unknown[]> {
  return isSentinel(client)
    ? async (keys) => (await client.sendCommand(false, ['MGET', ...keys])) as readonly unknown[]
    : manyWithoutTimer(client)
}

/**
 * Turns off the client's own timeout, because the store has one: the `AbortSignal` made for each command costs more
 * than the command.
 */
function manyWithoutTimer(client: NodeRedisClient): (keys: string[]) => Promise<readonly unknown[]> {
  const { withCommandOptions } = client as {
    withCommandOptions?(options: { readonly timeout: undefined }): NodeRedisClient
  }
  const untimed = withCommandOptions?.call(client, { timeout: undefined }) ?? client
  return (keys) => (untimed as Required<NodeRedisClient>).mGet(keys)
}

/** The additional members of a cluster of `redis` 6. */
interface NodeRedisCluster extends NodeRedisClient {
  readonly slots?: readonly ({ readonly master?: { readonly address?: string } } | undefined)[]
}

/** The additional members of a cluster of `ioredis`. */
interface IORedisCluster extends IORedisClient {
  /** By slot: first its primary, then its replicas. */
  readonly slots?: readonly (readonly string[] | undefined)[]
}

/** The additional members of a sentinel of `redis` 5 or 6. */
interface NodeRedisSentinel extends NodeRedisClient {
  sendCommand(isReadonly: boolean, args: readonly string[]): Promise<unknown>
}

/**
 * Whether this is a sentinel. With `replicaPoolSize`, which it does not expose, one reads from replicas unless told
 * not to.
 */
function isSentinel(client: NodeRedisClient): client is NodeRedisSentinel {
  const { getMasterNode, sendCommand } = client as unknown as Readonly<Record<string, unknown>>
  return typeof getMasterNode === 'function' && typeof sendCommand === 'function'
}

/**
 * Why reads through this client may be stale or incomplete: replicas or a client-side cache answer them, or a node
 * that has only some of the keys. `undefined` if no setting says so.
 */
export function staleReads(client: unknown): string | undefined {
  const { options, _options, clientSideCache, isCluster } = client as Settings
  const { scaleReads = 'master', role = 'master' } = options ?? {}
  if (scaleReads !== 'master') return "scaleReads must be 'master'"
  if (role !== 'master') return "role must be 'master'"
  // A cluster of `redis`.
  if (_options?.useReplicas === true) return 'useReplicas must not be set'
  // When told that one key has moved, it sends the whole pipeline to the new node, including keys that have not
  // moved.
  if (isCluster === true && options?.enableAutoPipelining === true)
    return 'enableAutoPipelining must not be set in a cluster, where it misses what a slot that moves holds'
  const cache = clientSideCache ?? options?.clientSideCache
  return cache === undefined ? undefined : 'clientSideCache must not be set'
}

/** The prefix that the client itself puts before every key. */
export function keyPrefixOf(client: unknown): string {
  const { options, _options } = client as Settings
  const prefix = options?.keyPrefix ?? _options?.keyPrefix
  return typeof prefix === 'string' ? prefix : ''
}

/** Settings of a client, of either library. */
interface Settings {
  readonly options?: {
    readonly scaleReads?: unknown
    readonly role?: unknown
    readonly clientSideCache?: unknown
    readonly keyPrefix?: unknown
    readonly enableAutoPipelining?: unknown
  }
  readonly _options?: { readonly useReplicas?: unknown; readonly keyPrefix?: unknown }
  readonly clientSideCache?: unknown
  readonly isCluster?: unknown
}

/** A pool of `redis` 5 or 6: each command may use any of its connections. */
export const isPool = (client: unknown): boolean =>
  typeof (client as { readonly totalClients?: unknown }).totalClients === 'number'

/** A cluster of `redis` 5 or 6; these keep a list of their primaries. */
const isNodeRedisCluster = (client: NodeRedisClient): boolean =>
  Array.isArray((client as { readonly masters?: unknown }).masters)

/**
 * A cluster of `redis` 5, which is not supported: after a failover of a shard it keeps asking the old address. Only a
 * cluster of 6 has `isReady`.
 */
export function isCluster5(client: unknown): boolean {
  const cluster = client as NodeRedisClient
  return typeof cluster?.isOpen === 'boolean' && isNodeRedisCluster(cluster) && cluster.isReady === undefined
}

function ioredis(client: IORedisClient): Commands {
  const isCluster = (client as { readonly isCluster?: unknown }).isCluster === true
  const { mget } = client
  return {
    library: 'ioredis',
    isCluster,
    isOrdered: !isCluster,
    ...(isCluster || typeof mget !== 'function'
      ? {}
      : { getMany: (keys: string[]) => mget.call(client, keys) }),
    nodeOf: (key) => (client as IORedisCluster).slots?.[slotOf(key)]?.[0] ?? '',
    // `wait`: with `lazyConnect`, the first command connects.
    ready: () => client.status === 'ready' || client.status === 'wait',
    get: (key) => client.get(key),
    set: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds),
    setIfAbsent: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds, 'NX'),
    del: (key) => client.del(key),
  }
}

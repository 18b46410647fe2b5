import { slotOf } from './slot.js'

// The supported clients, by the members that are used of them. No client is a dependency of this package.

/** A client, pool or sentinel of `redis` 5 or 6 (node-redis), or a cluster of 6. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  /** Where it is absent (clusters, pools), the client's own queue and our timeout decide. */
  readonly isReady?: boolean
  get(key: string): Promise<unknown>
  /** Where it is absent, keys are read one by one. */
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
  /** Where it is absent, keys are read one by one. */
  mget?(keys: string[]): Promise<readonly unknown[]>
  set(key: string, value: string, px: 'PX', milliseconds: number): Promise<unknown>
  set(key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** The commands that are sent, in one form for all clients. Valkey has them all. */
export interface Commands {
  readonly library: 'redis' | 'ioredis'
  readonly isCluster: boolean
  /** Whether what is sent in one turn is done in its order: over one connection. */
  readonly isOrdered: boolean
  /** The primary that has a key, as far as the client knows; the same for all keys outside a cluster. */
  nodeOf(key: string): string
  /** Whether a command sent now goes out now; a client that is reconnecting queues it for an unknown time. */
  ready(): boolean
  get(key: string): Promise<unknown>
  /** `MGET`; absent where keys may lie on different nodes, or the client has no such command. */
  getMany?(keys: string[]): Promise<readonly unknown[]>
  /** `SET key value PX ms` */
  set(key: string, value: string, milliseconds: number): Promise<unknown>
  /** `SET key value PX ms NX`; `null` when the key was there */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** The commands of a client; `undefined` for one that is not supported. */
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

/** Our own time holds for a command: a signal of its own that the client makes for each costs more than the command. */
function manyWithoutTimer(client: NodeRedisClient): (keys: string[]) => Promise<readonly unknown[]> {
  const { withCommandOptions } = client as {
    withCommandOptions?(options: { readonly timeout: undefined }): NodeRedisClient
  }
  const untimed = withCommandOptions?.call(client, { timeout: undefined }) ?? client
  return (keys) => (untimed as Required<NodeRedisClient>).mGet(keys)
}

/** A cluster of `redis` 6, as far as it differs. */
interface NodeRedisCluster extends NodeRedisClient {
  readonly slots?: readonly ({ readonly master?: { readonly address?: string } } | undefined)[]
}

/** A cluster of `ioredis`, as far as it differs. */
interface IORedisCluster extends IORedisClient {
  /** By slot: its primary first, then replicas. */
  readonly slots?: readonly (readonly string[] | undefined)[]
}

/** A sentinel of `redis` 5 or 6, as far as it differs. */
interface NodeRedisSentinel extends NodeRedisClient {
  sendCommand(isReadonly: boolean, args: readonly string[]): Promise<unknown>
}

/** Asks replicas where it has a `replicaPoolSize`, which it does not show; unless it is told not to. */
function isSentinel(client: NodeRedisClient): client is NodeRedisSentinel {
  const { getMasterNode, sendCommand } = client as unknown as Readonly<Record<string, unknown>>
  return typeof getMasterNode === 'function' && typeof sendCommand === 'function'
}

/**
 * Why what this client reads may be older than what was written, or not be all of it: its replicas or a cache of its own
 * answer, or it asks where only some of it is. `undefined` when it shows nothing of the kind.
 */
export function staleReads(client: unknown): string | undefined {
  const { options, _options, clientSideCache, isCluster } = client as Settings
  const { scaleReads = 'master', role = 'master' } = options ?? {}
  if (scaleReads !== 'master') return "scaleReads must be 'master'"
  if (role !== 'master') return "role must be 'master'"
  // A cluster of `redis`.
  if (_options?.useReplicas === true) return 'useReplicas must not be set'
  // One that is told that a key has moved asks for all of a pipeline there, also for what has not.
  if (isCluster === true && options?.enableAutoPipelining === true)
    return 'enableAutoPipelining must not be set in a cluster, where it misses what a slot that moves holds'
  const cache = clientSideCache ?? options?.clientSideCache
  return cache === undefined ? undefined : 'clientSideCache must not be set'
}

/** What the client puts before every key. */
export function keyPrefixOf(client: unknown): string {
  const { options, _options } = client as Settings
  const prefix = options?.keyPrefix ?? _options?.keyPrefix
  return typeof prefix === 'string' ? prefix : ''
}

/** Settings of a client, of whichever library. */
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

/** A pool of `redis` 5 or 6: what is sent goes to any of its connections. */
export const isPool = (client: unknown): boolean =>
  typeof (client as { readonly totalClients?: unknown }).totalClients === 'number'

/** A cluster of `redis` 5 or 6, which keep the list of its primaries. */
const isNodeRedisCluster = (client: NodeRedisClient): boolean =>
  Array.isArray((client as { readonly masters?: unknown }).masters)

/**
 * A cluster of `redis` 5, which is not supported: after a failover of one shard it goes on asking the address that is
 * gone. Only that of 6 says whether it is ready.
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
    // `wait`: `lazyConnect`, where the first command makes the connection.
    ready: () => client.status === 'ready' || client.status === 'wait',
    get: (key) => client.get(key),
    set: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds),
    setIfAbsent: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds, 'NX'),
    del: (key) => client.del(key),
  }
}

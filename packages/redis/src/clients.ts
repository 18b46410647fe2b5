// The clients a user already has, by what is used of them. No client is a dependency of this package.

/** A client, cluster, pool or sentinel of `redis` 5 or 6 (node-redis). */
export interface NodeRedisClient {
  readonly isOpen: boolean
  /** Where it is absent (clusters, pools), the client's own queue and our timeout decide. */
  readonly isReady?: boolean
  get(key: string): Promise<unknown>
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
  set(key: string, value: string, px: 'PX', milliseconds: number): Promise<unknown>
  set(key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** The four commands that are sent, whatever the client. Valkey has them all. */
export interface Commands {
  /** Whether a command sent now goes out now; a client that is reconnecting queues it for an unknown time. */
  ready(): boolean
  get(key: string): Promise<unknown>
  /** `SET key value PX ms` */
  set(key: string, value: string, milliseconds: number): Promise<unknown>
  /** `SET key value PX ms NX`; `null` when the key was there */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** Recognises the client; `undefined` when it is neither. */
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
  return {
    ready: () => client.isReady ?? client.isOpen,
    get: (key) => client.get(key),
    set: (key, value, milliseconds) => client.set(key, value, expiration(milliseconds)),
    setIfAbsent: (key, value, milliseconds) =>
      client.set(key, value, { ...expiration(milliseconds), condition: 'NX' }),
    del: (key) => client.del(key),
  }
}

function ioredis(client: IORedisClient): Commands {
  return {
    // `wait`: `lazyConnect`, where the first command makes the connection.
    ready: () => client.status === 'ready' || client.status === 'wait',
    get: (key) => client.get(key),
    set: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds),
    setIfAbsent: (key, value, milliseconds) => client.set(key, value, 'PX', milliseconds, 'NX'),
    del: (key) => client.del(key),
  }
}

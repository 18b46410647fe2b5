import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createResourceServer, type ResourceServer } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type OpenedRedisStore, openRedisStore } from './open.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

describe('the URL of a store', () => {
  it.each(['', 'redis', 'http://:secret@localhost', '//:secret@localhost', 7, undefined])(
    '%s is none',
    (url) => {
      expect(() => openRedisStore(url as string)).toThrow(
        new TypeError('openRedisStore: url must be redis://host:port or rediss://host:port'),
      )
    },
  )

  it('is not used if an option is invalid', () => {
    expect(() => openRedisStore('redis://127.0.0.1:1', { prefix: 'a b' })).toThrow('option prefix')
  })
})

describe.skipIf(redisBinary === undefined)('a store that opens its own connection', () => {
  let redis: TestRedis
  let store: OpenedRedisStore
  beforeEach(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    await store.close()
    await redis.stop()
  })

  /** Repeats a read until it is answered, as requests do; the connection is made in the background. */
  const until = async <T>(operation: () => T | Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await operation()
      } catch {
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
  const written = (): Promise<void> => until(() => store.put('key', 'value', 60))

  it('works while there is a Redis, refuses at once while there is none, and recovers by itself', async () => {
    await redis.kill()
    store = openRedisStore(redis.url)
    await expect(store.put('key', 'value', 60)).rejects.toThrow('not connected')
    await redis.start()
    await written()
    await redis.kill()
    await expect(store.get('key')).rejects.toThrow()
    await redis.start()
    expect(await until(() => store.get('key'))).toBe('value')
  })

  it('says why there is no connection, without secrets from the URL', async () => {
    await redis.stop()
    redis = await startRedis('--requirepass', 'open sesame')
    const place = `127.0.0.1:${redis.port}`
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    store = openRedisStore(`redis://default:wrong%20word@${place}/3`)
    const reason = (): Promise<string> =>
      Promise.resolve(store.get('key')).then(
        () => 'served',
        (error: Error) => error.message,
      )
    const untilSaid = async (text: string): Promise<string> => {
      for (;;) {
        const said = await reason()
        if (said.includes(text)) return said
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    expect(await reason()).toBe('the Redis client is not connected yet')
    const refused = await untilSaid('WRONGPASS')
    expect(refused).toMatch(new RegExp(`^not connected to ${place}: .*WRONGPASS`))
    expect(refused).not.toMatch(/wrong word|wrong%20word/)
    expect(await warned).toMatchObject({ code: 'AAUTH_REDIS', message: `openRedisStore: ${refused}` })
    await redis.kill()
    await untilSaid(`not connected to ${place}: connect ECONNREFUSED ${place}`)
  })

  it('uses user, password and database of the URL, and only keys with its prefix', async () => {
    await redis.stop()
    redis = await startRedis('--requirepass', 'open sesame')
    store = openRedisStore(`redis://default:open%20sesame@127.0.0.1:${redis.port}/3`, { prefix: 'mine:' })
    await written()
    expect(await store.get('key')).toBe('value')
  })

  it('closes, and rejects from then on, connected or not, once or twice', async () => {
    store = openRedisStore(redis.url)
    await written()
    await store.close()
    await expect(store.get('key')).rejects.toThrow('not connected')
    await store.close()
    const other = openRedisStore('redis://127.0.0.1:1')
    await other.close()
    await expect(other.get('key')).rejects.toThrow('not connected')
  })

  it('closes in time when the server has stopped answering', async () => {
    store = openRedisStore(redis.url)
    await written()
    redis.pause()
    const lost = expect(store.get('key')).rejects.toThrow('gave no answer')
    await store.close()
    await lost
    redis.resume()
  })

  it('never waits for a server that accepts connections and does not answer', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    store = openRedisStore(`redis://127.0.0.1:${port}`)
    await expect(store.get('key')).rejects.toThrow()
    await store.close()
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  describe('behind a resource server', () => {
    const said: string[] = []
    const events: string[] = []
    const write = (level: string) => (_: object, message: string) => void said.push(`${level} ${message}`)
    const logger = { error: write('error'), warn: write('warn') }
    const stopped = 1_800_000_000_000
    let server: ResourceServer | undefined
    const serve = (): ResourceServer => {
      const onEvent = ({ name }: { readonly name: string }) => void events.push(name)
      // A clock that stands still: a pause measured by it would never end.
      server = createResourceServer({
        resource: 'https://rs.example',
        store,
        logger,
        onEvent,
        clock: () => stopped,
      })
      return server
    }
    beforeEach(() => {
      said.length = 0
      events.length = 0
    })
    afterEach(() => {
      server?.close()
      vi.useRealTimers()
    })

    it('is logged as a warning while it connects, as an error after two seconds, and not at all once connected', async () => {
      vi.useFakeTimers({ toFake: ['performance'] })
      redis.pause()
      store = openRedisStore(redis.url)
      const { health, denials } = serve()
      for (let times = 0; times < 6; times++) {
        expect(await health()).toMatchObject({ ok: false, store: { state: 'down', failures: 0 } })
        await expect(denials.add({ subject: { issuer: 'https://ps.example' } })).rejects.toThrow()
      }
      expect(said).toEqual([
        'warn aauth: the store is not connected yet: the Redis client is not connected yet',
      ])
      // libsodium may be installed here.
      expect(events.filter((name) => name !== 'verifier')).toEqual(['store-connecting'])
      vi.advanceTimersByTime(2000)
      expect(await health()).toMatchObject({ ok: false })
      expect(said.slice(1).map((line) => line.slice(0, 26))).toContain('error aauth: store-failed:')
      redis.resume()
      await until(() => denials.add({ subject: { issuer: 'https://ps.example' } }))
      expect(await health()).toMatchObject({ ok: true })
    })

    it('is used again as soon as there is a connection, also for writes', async () => {
      await redis.kill()
      store = openRedisStore(redis.url)
      const { health, denials } = serve()
      const add = () => denials.add({ subject: { issuer: 'https://ps.example' } })
      await expect
        .poll(async () => {
          await health()
          return events.includes('store-failed')
        })
        .toBe(true)
      for (let times = 0; times < 10; times++) {
        expect(await health()).toMatchObject({ ok: false })
        await expect(add()).rejects.toThrow()
      }
      await redis.start()
      await until(add)
      expect(await health()).toMatchObject({ ok: true, store: { state: 'up' } })
    })
  })
})

import { type AAuthEvent, createResourceServer, type ResourceServer, type Store } from '@countersign/core'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore, type RedisStore, type RedisStoreOptions } from './index.js'
import { partsOf } from './parts.js'
import { slotOf } from './slot.js'
import { clusterClients, shardOf, startCluster, type TestCluster } from './testing/cluster.js'
import { redisBinary, type TestRedis } from './testing/redis-server.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const lost = /Redis has lost what it held/
const names = Object.keys(clusterClients)

// Three primaries that write nothing to their disks and have no replicas: one that starts again is empty.
describe.runIf(redisBinary !== undefined || required)('a cluster of which a shard was emptied', () => {
  let cluster: TestCluster
  let admins: readonly Redis[]
  let prefix: string
  let closing: (() => unknown)[]
  let count = 0
  beforeAll(async () => {
    cluster = await startCluster(0, '--appendonly', 'no')
    admins = cluster.primaries.map(({ url }) => new Redis(url).on('error', () => {}))
  })
  afterAll(async () => {
    for (const admin of admins ?? []) admin.disconnect()
    await cluster?.stop()
  })
  beforeEach(() => {
    // What another test has begun is no concern of this one.
    prefix = `countersign-${count++}:`
    closing = []
  })
  afterEach(async () => {
    for (const close of closing) await close()
  })

  const open = async (name = 'redis 6', options: RedisStoreOptions = {}): Promise<RedisStore> => {
    const connect = clusterClients[name] as (typeof clusterClients)[string]
    const { client, close } = await connect(cluster.primaries.map(({ port }) => port))
    closing.unshift(close)
    return createRedisStore(client, { prefix, timeout: 1500, ...options })
  }
  const serve = (store: Store, events: AAuthEvent[] = []): ResourceServer => {
    const server = createResourceServer({
      resource: 'https://rs.example',
      store,
      onEvent: (event) => void events.push(event),
    })
    closing.unshift(() => server.close())
    return server
  }
  const fullName = (key: string): string => {
    const { prefixes, of } = partsOf(prefix, true)
    return `${prefixes[of(key)]}${key}`
  }
  const shardWith = (key: string): number => shardOf(slotOf(fullName(key)))
  const admin = (shard: number): Redis => admins[shard] as Redis
  const outcome = (store: Store, key: string): Promise<unknown> =>
    Promise.resolve(store.get(key)).catch((error: Error) => error.message)
  const isRefusal = (answer: unknown): boolean => typeof answer === 'string' && answer.includes(' ')
  const keys = Array.from({ length: 90 }, (_, number) => `revoked:${number}`)
  const on = (shard: number): string[] => keys.filter((key) => shardWith(key) === shard)
  /** Asks for all of these until none is refused. @returns all that was ever answered, and what was said of it */
  const until = async (store: Store, asked: readonly string[]): Promise<unknown[]> => {
    const answers = new Set<unknown>()
    const areServed = async (): Promise<boolean> => {
      const now = await Promise.all(asked.map((key) => outcome(store, key)))
      for (const answer of now) answers.add(answer)
      return !now.some(isRefusal)
    }
    await vi.waitUntil(areServed, { timeout: 60_000, interval: 50 })
    return [...answers]
  }
  /** What the first claim says that is answered. */
  const claimed = async (store: Store, key: string): Promise<unknown> => {
    let answer: unknown
    const isAnswered = async (): Promise<boolean> => {
      answer = await Promise.resolve(store.claim(key, '1', 60)).catch((error: Error) => error.message)
      return typeof answer === 'boolean'
    }
    await vi.waitUntil(isAnswered, { timeout: 60_000, interval: 50 })
    return answer
  }
  const restart = async (redis: TestRedis): Promise<void> => {
    await redis.kill()
    await redis.start()
  }
  const ways = [
    ['flushed', (shard: number) => admin(shard).flushall()],
    ['restarted', (shard: number) => restart(cluster.primaries[shard] as TestRedis)],
  ] as const
  const cases = names.flatMap((name) => ways.map(([way, empty]) => [name, way, empty] as const))

  it.each(cases)(
    '%s: %s, it gets back what each process knows, and nothing else refuses',
    async (name, way, empty) => {
      const [here, there] = [await open(name), await open(name)]
      for (const [index, key] of keys.entries()) await (index % 2 ? here : there).put(key, '1900000000', 600)
      const used = keys.map((key) => key.replace('revoked', 'replay'))
      for (const [index, key] of used.entries())
        expect(await (index % 2 ? here : there).claim(key, '1', 60)).toBe(true)
      for (const store of [here, there]) expect(await until(store, keys)).toEqual(['1900000000'])
      const told: number[] = []
      here.onRestored?.((entries) => told.push(entries))
      await empty(1)
      const late = await open(name)
      const others = [...on(0), ...on(2)]
      expect([on(1).length > 10, others.length > 20]).toEqual([true, true])
      const seen = await Promise.all([here, there, late].map((store) => until(store, on(1))))
      for (const answers of seen) {
        expect(answers).not.toContain(undefined)
        expect(answers).toContain('1900000000')
      }
      expect(seen.flat().join('\n')).toMatch(/being written back/)
      for (const store of [here, there, late]) {
        for (const key of used) expect(await claimed(store, key)).toBe(false)
        expect(await until(store, keys)).toEqual(['1900000000'])
      }
      // In one, not one for each part.
      await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 20_000 })
      expect(told[0]).toBeGreaterThan(10)
      // Not before each process has had its time, and then as if nothing had been: another shard can be lost.
      if (way === 'restarted') return
      await admin(2).flushall()
      for (const store of [late, here, there]) expect(await until(store, on(2))).not.toContain(undefined)
    },
  )

  it.each(cases)(
    '%s: %s, its keys are refused until the loss is accepted, by those who start later too',
    async (name, _, empty) => {
      const [here, there] = [await open(name, { emptied: 'refuse' }), await open(name, { emptied: 'refuse' })]
      for (const key of keys) await here.put(key, '1900000000', 600)
      for (const store of [here, there]) expect(await until(store, keys)).toEqual(['1900000000'])
      await empty(1)
      // Nobody who knew has looked since.
      const late = await open(name, { emptied: 'refuse' })
      const gone = async (store: Store): Promise<void> => {
        const said = await Promise.all(on(1).map((key) => outcome(store, key)))
        for (const answer of said) expect(answer).toMatch(lost)
      }
      await vi.waitFor(() => gone(late), { timeout: 20_000 })
      for (const store of [here, there, late]) {
        await vi.waitFor(() => gone(store), { timeout: 20_000 })
        expect(await until(store, [...on(0), ...on(2)])).toEqual(['1900000000'])
        await expect(Promise.resolve(store.claim(on(1)[0] as string, '1', 60))).rejects.toThrow(lost)
      }
      // What is restored meanwhile is there afterwards.
      const operator = await open(name, { emptied: 'accept' })
      await operator.put(on(1)[0] as string, '1900000000', 600)
      await gone(here)
      await operator.acceptLoss()
      for (const store of [here, there, late]) {
        expect(await outcome(store, on(1)[0] as string)).toBe('1900000000')
        expect(await until(store, on(1).slice(1))).toEqual([undefined])
        expect(await until(store, on(0))).toEqual(['1900000000'])
      }
    },
  )

  it.each(names)('%s: everybody starts anew, and finds by the others that it was emptied', async (name) => {
    const before = await open(name)
    for (const key of keys) await before.put(key, '1900000000', 600)
    for (const close of closing.splice(0)) await close()
    await admin(1).flushall()
    const after = await open(name)
    const began = performance.now()
    // What only the one that ended knew is lost. It is not taken for new, and others have their time.
    expect(await until(after, on(1))).toEqual([expect.stringMatching(lost), undefined])
    expect(performance.now() - began).toBeGreaterThan(3000)
    for (const close of closing.splice(0)) await close()
    await admin(1).flushall()
    const strict = await open(name, { emptied: 'refuse' })
    for (const key of on(1)) expect(await outcome(strict, key)).toMatch(/acceptLoss/)
    for (const key of on(2)) expect(await outcome(strict, key)).toBe('1900000000')
  })

  it.each(names)('%s: one that has only ever written gives it back, too', async (name) => {
    const [writer, reader] = [await open(name), await open(name)]
    for (const key of keys) await writer.put(key, '1900000000', 600)
    expect(await until(reader, keys)).toEqual(['1900000000'])
    await admin(1).flushall()
    expect(await until(reader, on(1))).toEqual(['1900000000', expect.stringMatching(lost)].reverse())
  })

  it.each(names)(
    '%s: all shards are, and each process gives back what it knows, also to who starts then',
    async (name) => {
      const [here, there] = [await open(name), await open(name)]
      for (const [index, key] of keys.entries()) await (index % 2 ? here : there).put(key, '1900000000', 600)
      for (const store of [here, there]) await until(store, keys)
      await Promise.all(admins.map((admin) => admin.flushall()))
      for (const store of [here, there]) expect(await until(store, keys)).not.toContain(undefined)
      const late = await open(name)
      expect(await until(late, keys)).toEqual(['1900000000'])
    },
  )

  it('goes on where it is told to', async () => {
    const store = await open('ioredis', { emptied: 'accept' })
    for (const key of keys) await store.put(key, '1900000000', 60)
    // The trial of the store looks once more, and what is gone then ended before its time.
    const trials = async (): Promise<unknown[]> =>
      (await Promise.all(admins.map((admin) => admin.keys(`${prefix}*trial:*`)))).flat()
    await vi.waitUntil(async () => (await trials()).length === 0, { timeout: 20_000, interval: 20 })
    await admin(1).flushall()
    for (const key of on(1)) expect(await outcome(store, key)).toBe(undefined)
    for (const shard of [0, 2]) {
      expect(await until(store, on(shard))).toEqual(['1900000000'])
      expect(await admin(shard).keys(`${prefix}*epoch*`)).toEqual([])
    }
  })

  it.each(names)('%s: one is emptied while another is down, and that comes back empty', async (name) => {
    const [here, there] = [await open(name), await open(name)]
    for (const [index, key] of keys.entries()) await (index % 2 ? here : there).put(key, '1900000000', 600)
    for (const store of [here, there]) await until(store, keys)
    await cluster.primaries[0]?.kill()
    await admin(1).flushall()
    // `connect` of a cluster of `redis` waits for what is down.
    const late = await open('ioredis')
    for (const store of [here, there, late]) {
      expect(await until(store, on(1))).not.toContain(undefined)
      expect(await until(store, on(2))).toEqual(['1900000000'])
      // It may be asked again and again by the client; what counts is that it is not answered.
      expect(isRefusal(await outcome(store, on(0)[0] as string))).toBe(true)
    }
    await cluster.primaries[0]?.start()
    for (const store of [late, here, there]) {
      const answers = await until(store, on(0))
      expect(answers).not.toContain(undefined)
      expect(answers).toContain('1900000000')
    }
  })

  it('is told apart from one that cannot be read: nobody who starts takes what nobody can tell for new', async () => {
    await (await open()).put('revoked:1', '1900000000', 600)
    for (const close of closing.splice(0)) await close()
    const [down, emptied, other] = [0, 1, 2].map((part) => (shardWith('revoked:1') + part) % 3) as [
      number,
      number,
      number,
    ]
    // Only the one that is down could tell.
    for (const shard of [emptied, other]) await admin(shard).flushall()
    await cluster.primaries[down]?.kill()
    const late = await open('ioredis')
    const answers = await Promise.all([...on(emptied), ...on(other)].map((key) => outcome(late, key)))
    expect(answers.filter((answer) => !isRefusal(answer))).toEqual([])
    for (const shard of [emptied, other]) expect(await admin(shard).keys(`${prefix}*epoch*`)).toEqual([])
    await cluster.primaries[down]?.start()
    // It came back empty as well: then it is new.
    expect(await until(late, keys)).not.toContain('1900000000')
  })

  it('one that was cut off for the whole time writes back what it knows, and changes the mark on another shard', async () => {
    const [here, there] = [await open('redis 6'), await open('ioredis')]
    const markShard = shardWith('deny:mark')
    const shard = (markShard + 1) % 3
    const key = `deny:token:${Array.from({ length: 200 }, (_, n) => n).find((n) => shardWith(`deny:token:${n}`) === shard)}`
    await there.put(key, '1900000000', 600)
    await there.put('deny:mark', 'mark-one-of-there', 600)
    for (const store of [here, there]) expect(await outcome(store, key)).toBe('1900000000')
    // As if it had been over before `there` came again.
    const part = fullName(key).slice(0, -key.length)
    await admin(shard)
      .multi()
      .flushall()
      .set(`${part}epoch`, 'restoring:1', 'PX', 600_000)
      .set(`${part}epoch:1`, '1', 'PX', 600_000)
      .exec()
    const newcomer = await open('redis 6')
    expect(await outcome(newcomer, key)).toBe(undefined)
    expect(await outcome(newcomer, 'deny:mark')).toBe('mark-one-of-there')
    expect(await until(there, [key])).toContain('1900000000')
    expect(await outcome(newcomer, 'deny:mark')).not.toBe('mark-one-of-there')
    expect(await outcome(newcomer, key)).toBe('1900000000')
    expect(await until(here, [key])).toContain('1900000000')
  })

  it.each([0, 1, 2])(
    'servers: what was revoked and denied is never let through (shard %s)',
    async (shard) => {
      const events: AAuthEvent[] = []
      const [one, two] = [serve(await open('redis 6'), events), serve(await open('ioredis'))]
      const exp = Math.floor(Date.now() / 1000) + 3600
      const tokens = Array.from({ length: 40 }, (_, index) => ({
        iss: 'https://ps.example',
        jti: `t-${index}`,
        exp,
      }))
      for (const [index, token] of tokens.entries()) await (index % 2 ? one : two).revocations.record(token)
      const subjects = tokens.map(({ jti }) => ({ person: { ps: 'https://ps.example', sub: jti } }))
      for (const [index, person] of subjects.entries())
        await (index % 2 ? one : two).denials.add({ subject: person, reason: 'it', by: 'it' })
      await admin(shard).flushall()
      const third = serve(await open('ioredis'))
      for (const server of [third, one, two]) {
        const known = async (): Promise<boolean> => {
          const ask = async (token: (typeof tokens)[number]): Promise<unknown> =>
            server.revocations.has(token)
          const answers = await Promise.all(tokens.map((token) => ask(token).catch(() => 'refused')))
          expect(answers).not.toContain(false)
          const listed = await server.denials.list().catch(() => undefined)
          if (listed !== undefined) expect(listed).toHaveLength(subjects.length)
          return answers.every((answer) => answer === true) && listed !== undefined
        }
        await vi.waitUntil(known, { timeout: 60_000, interval: 50 })
        await vi.waitUntil(async () => (await server.health()).ok, { timeout: 60_000, interval: 50 })
      }
      expect(events.filter(({ name }) => name === 'store-restored')).toHaveLength(1)
    },
  )

  it.each(['restore', 'refuse'] as const)(
    'servers: who was denied stays denied where only the mark was lost, and whoever had set it has ended (%s)',
    async (emptied) => {
      const ending = serve(await open('ioredis', { emptied }))
      const server = serve(await open('redis 6', { emptied }))
      const shard = shardWith('deny:mark')
      const callers = Array.from({ length: 12 }, (_, index) => ({
        kind: 'agent' as const,
        agent: `aauth:a${index}@ap.example`,
        provider: 'https://ap.example',
        jkt: String(index).padStart(43, 'k'),
        token: { iss: 'https://ap.example', jti: `t-${index}`, iat: 0, exp: 2_000_000_000 },
      }))
      for (const { jkt } of callers) await ending.denials.add({ subject: { key: jkt } })
      const find = async (by: ResourceServer): Promise<unknown[]> =>
        Promise.all(callers.map(async (caller) => by.denials.find(caller as never)))
      expect(new Set(await find(server))).toEqual(new Set(['key']))
      await ending.close()
      const left = async (): Promise<number> =>
        (
          await Promise.all(
            [0, 1, 2].filter((n) => n !== shard).map((n) => admin(n).keys(`${prefix}*deny:key*`)),
          )
        ).flat().length
      const kept = await left()
      for (const close of closing.splice(2)) await close()
      await admin(shard).flushall()
      expect(await left()).toBe(kept)
      if (emptied === 'refuse') {
        await vi.waitFor(async () => expect(find(server)).rejects.toThrow(), { timeout: 20_000 })
        const operator = await open('ioredis', { emptied })
        await operator.acceptLoss()
      }
      const late = serve(await open('ioredis', { emptied }))
      for (const each of [server, late]) {
        let found: unknown[] = []
        const isAnswered = async (): Promise<boolean> => {
          found = await find(each).catch(() => [])
          return found.length > 0
        }
        await vi.waitUntil(isAnswered, { timeout: 60_000, interval: 50 })
        expect(found.filter((kind) => kind === 'key')).toHaveLength(kept)
      }
    },
  )

  it('with a tag in the prefix everything is in one part, and lost and restored with it', async () => {
    prefix = `{shop-${count}}:`
    const shard = shardOf(slotOf(prefix))
    const [here, there] = [await open('redis 6'), await open('ioredis')]
    expect([here.part, there.part]).toEqual([undefined, undefined])
    for (const key of keys) await here.put(key, '1900000000', 600)
    expect(await until(there, keys)).toEqual(['1900000000'])
    expect(await admin(shard).keys(`${prefix}revoked:*`)).toHaveLength(keys.length)
    await admin(shard).flushall()
    for (const store of [there, here]) {
      const answers = await until(store, keys)
      expect(answers).not.toContain(undefined)
      expect(answers.join('\n')).toMatch(store === there ? lost : /19/)
    }
  })

  it('refuses a prefix that no tag can follow, and is not asked', async () => {
    await expect(open('redis 6', { prefix: 'a{}:' })).rejects.toThrow(/^option prefix: /)
  })
})

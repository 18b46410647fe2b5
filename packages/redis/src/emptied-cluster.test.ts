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

// Three primaries without persistence or replicas: one that starts again is empty.
describe.runIf(redisBinary !== undefined || required)('a cluster with an emptied shard', () => {
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
    // So that tests do not affect each other.
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
  /** Reads these keys until none is refused. @returns all values and error messages seen */
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
  /** The result of the first claim that gets one. */
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
    '%s: %s, each process writes back its entries, and only the lost keys are refused',
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
      // One event, not one for each part.
      await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 20_000 })
      expect(told[0]).toBeGreaterThan(10)
      // Not before each process has had its time, and then everything is normal: another shard can be lost.
      if (way === 'restarted') return
      await admin(2).flushall()
      for (const store of [late, here, there]) expect(await until(store, on(2))).not.toContain(undefined)
    },
  )

  it.each(cases)(
    '%s: %s, its keys are refused until the loss is accepted, also by processes that start later',
    async (name, _, empty) => {
      const [here, there] = [await open(name, { emptied: 'refuse' }), await open(name, { emptied: 'refuse' })]
      for (const key of keys) await here.put(key, '1900000000', 600)
      for (const store of [here, there]) expect(await until(store, keys)).toEqual(['1900000000'])
      await empty(1)
      // No process that knew the epoch has read it since.
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
      // Entries restored in between are kept.
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

  it.each(names)('%s: new processes learn from the other shards that it was emptied', async (name) => {
    const before = await open(name)
    for (const key of keys) await before.put(key, '1900000000', 600)
    for (const close of closing.splice(0)) await close()
    await admin(1).flushall()
    const after = await open(name)
    const began = performance.now()
    // What only the ended process knew is lost. The shard is not taken for new, and other processes get their time.
    expect(await until(after, on(1))).toEqual([expect.stringMatching(lost), undefined])
    expect(performance.now() - began).toBeGreaterThan(3000)
    for (const close of closing.splice(0)) await close()
    await admin(1).flushall()
    const strict = await open(name, { emptied: 'refuse' })
    for (const key of on(1)) expect(await outcome(strict, key)).toMatch(/acceptLoss/)
    for (const key of on(2)) expect(await outcome(strict, key)).toBe('1900000000')
  })

  it.each(names)('%s: a process that has only written restores its entries, too', async (name) => {
    const [writer, reader] = [await open(name), await open(name)]
    for (const key of keys) await writer.put(key, '1900000000', 600)
    expect(await until(reader, keys)).toEqual(['1900000000'])
    await admin(1).flushall()
    expect(await until(reader, on(1))).toEqual(['1900000000', expect.stringMatching(lost)].reverse())
  })

  it.each(names)(
    '%s: all shards are emptied, and each process writes back its entries, also for new processes',
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

  it('continues without the data with `accept`', async () => {
    const store = await open('ioredis', { emptied: 'accept' })
    for (const key of keys) await store.put(key, '1900000000', 60)
    // Wait for the test of the store, whose keys would be missing.
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

  it.each(names)('%s: one is emptied while another is down, which comes back empty', async (name) => {
    const [here, there] = [await open(name), await open(name)]
    for (const [index, key] of keys.entries()) await (index % 2 ? here : there).put(key, '1900000000', 600)
    for (const store of [here, there]) await until(store, keys)
    await cluster.primaries[0]?.kill()
    await admin(1).flushall()
    // `connect` of a cluster of `redis` waits for nodes that are down.
    const late = await open('ioredis')
    for (const store of [here, there, late]) {
      expect(await until(store, on(1))).not.toContain(undefined)
      expect(await until(store, on(2))).toEqual(['1900000000'])
      // The client may keep trying; only the missing answer matters.
      expect(isRefusal(await outcome(store, on(0)[0] as string))).toBe(true)
    }
    await cluster.primaries[0]?.start()
    for (const store of [late, here, there]) {
      const answers = await until(store, on(0))
      expect(answers).not.toContain(undefined)
      expect(answers).toContain('1900000000')
    }
  })

  it('is not taken for new while the shards that could tell are down', async () => {
    await (await open()).put('revoked:1', '1900000000', 600)
    for (const close of closing.splice(0)) await close()
    const [down, emptied, other] = [0, 1, 2].map((part) => (shardWith('revoked:1') + part) % 3) as [
      number,
      number,
      number,
    ]
    // Only the shard that is down could tell.
    for (const shard of [emptied, other]) await admin(shard).flushall()
    await cluster.primaries[down]?.kill()
    const late = await open('ioredis')
    const answers = await Promise.all([...on(emptied), ...on(other)].map((key) => outcome(late, key)))
    expect(answers.filter((answer) => !isRefusal(answer))).toEqual([])
    for (const shard of [emptied, other]) expect(await admin(shard).keys(`${prefix}*epoch*`)).toEqual([])
    await cluster.primaries[down]?.start()
    // It came back empty as well, so the cluster is new.
    expect(await until(late, keys)).not.toContain('1900000000')
  })

  it('a process that was cut off all the time writes back its entries, and changes the mark on another shard', async () => {
    const [here, there] = [await open('redis 6'), await open('ioredis')]
    const markShard = shardWith('deny:mark')
    const shard = (markShard + 1) % 3
    const key = `deny:token:${Array.from({ length: 200 }, (_, n) => n).find((n) => shardWith(`deny:token:${n}`) === shard)}`
    await there.put(key, '1900000000', 600)
    await there.put('deny:mark', 'mark-one-of-there', 600)
    for (const store of [here, there]) expect(await outcome(store, key)).toBe('1900000000')
    // As if the restoration had ended before `there` returned.
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
    'servers: no revoked token and no denied person ever passes (shard %s)',
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

  it('with a tag in the prefix everything is in one part, which is lost and restored as a whole', async () => {
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

  it('refuses a prefix that no tag can follow, without reading', async () => {
    await expect(open('redis 6', { prefix: 'a{}:' })).rejects.toThrow(/^option prefix: /)
  })
})

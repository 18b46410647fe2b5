import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createResourceServer } from '@countersign/core'
import { createAuditLog, verifyAuditLog } from '@countersign/core/audit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisAuditSink, type RedisAuditSink, type RedisClient } from './index.js'
import { clients } from './testing/clients.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const run = it.runIf(redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required')
const { privateKey } = generateKeyPairSync('ed25519')
const signingKey = { ...privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }

describe('an audit log in a stream of Redis', () => {
  let redis: TestRedis
  let reader: Redis
  beforeAll(async () => {
    if (redisBinary === undefined) return
    redis = await startRedis()
    reader = new Redis(redis.url).on('error', () => {})
  })
  afterAll(async () => {
    reader?.disconnect()
    await redis?.stop()
  })

  const linesOf = async (sink: RedisAuditSink): Promise<string[]> => {
    const lines: string[] = []
    for await (const line of sink.read()) lines.push(line)
    return lines
  }

  for (const [name, connect] of Object.entries(clients)) {
    run(`has every record once through ${name}, even if an answer comes too late`, async () => {
      const stream = `notes:${name.replace(' ', '-')}`
      const { client, close } = await connect(redis.url)
      const sink = createRedisAuditSink(client, { stream, timeout: 200 })
      const audit = createAuditLog({ sink })
      const server = createResourceServer({
        resource: 'https://rs.example',
        signingKeys: [signingKey],
        logger: false,
        audit,
      })
      const route = server.require('agent')
      const request = { method: 'GET', target: '/', rawHeaders: ['Host', 'rs.example'] }
      for (let n = 0; n < 50; n++) await route.check(request)
      // Redis hangs, stores the batch when it continues, and gets the batch a second time.
      redis.pause()
      await expect(audit.flush()).rejects.toThrow('gave no answer within 200 ms')
      expect(audit.health()).toMatchObject({ ok: false, dropped: 0 })
      redis.resume()
      await reader.ping()
      await audit.flush()
      await route.check(request)
      await audit.close()
      const folder = mkdtempSync(join(tmpdir(), 'audit-redis-'))
      const file = join(folder, 'stream.jsonl')
      await writeFile(file, sink.read())
      const keys = (await server.handle({ ...request, target: '/.well-known/jwks.json' }))?.body as string
      const report = await verifyAuditLog([file], (JSON.parse(keys) as { keys: object[] }).keys)
      expect(report).toMatchObject({ ok: true, faults: [], records: 51, unsigned: 0 })
      rmSync(folder, { recursive: true })
      expect(await audit.erase({ ps: 'https://ps.example', sub: 'mom' })).toBe(0)
      close()
    })
  }

  const connect = clients['ioredis'] as (typeof clients)[string]
  const line = (n: number): Buffer =>
    Buffer.from(`{"r":{"n":${n}},"p":{"of":${n}}}\n{"r":{"n":"${n}, alone"}}\n`)

  run('keeps the configured number of entries, and nothing of others (R-336)', async () => {
    const { client, close } = await connect(redis.url)
    const sink = createRedisAuditSink(client, { stream: 'short', entries: 100 })
    for (let n = 0; n < 500; n++) await sink.append(line(n))
    const lines = await linesOf(sink)
    expect(lines.slice(-2).join('')).toBe(line(499).toString())
    expect([lines.length, await reader.hlen('{short}:evidence')]).toEqual([100, 50])
    expect(await reader.pttl('short')).toBeGreaterThan(89 * 86_400_000)
    expect(await reader.pttl('{short}:evidence')).toBeGreaterThan(89 * 86_400_000)
    // A sink with a lower limit reaches it step by step.
    const fewer = createRedisAuditSink(client, { stream: 'short', entries: 10 })
    await fewer.append(line(500))
    expect([(await linesOf(fewer)).length, await reader.hlen('{short}:evidence')]).toEqual([10, 5])
    close()
  })

  run('deletes entries that are too old when others are added (R-336)', async () => {
    const { client, close } = await connect(redis.url)
    const [seconds] = await reader.time()
    const day = 86_400_000
    for (const [days, n] of [
      [31, 1],
      [29, 2],
    ] as const) {
      const name = `${Number(seconds) * 1000 - days * day}-0`
      await reader.xadd('old', name, 'line', `{"r":{"n":${n}}}`, 'p', '')
      await reader.hset('{old}:evidence', name, `{"of":${n}}`)
    }
    const sink = createRedisAuditSink(client, { stream: 'old', days: 30 })
    expect(await linesOf(sink)).toHaveLength(2)
    await sink.append(line(3))
    expect((await linesOf(sink)).join('')).toBe(`{"r":{"n":2},"p":{"of":2}}\n${line(3)}`)
    expect(Object.values(await reader.hgetall('{old}:evidence'))).toEqual(['{"of":2}', '{"of":3}'])
    close()
  })

  run('reads and erases over many pages, and only the entries that existed at the start', async () => {
    const { client, close } = await connect(redis.url)
    const sink = createRedisAuditSink(client, { stream: 'long' })
    for (let n = 0; n < 700; n += 100)
      await sink.append(Buffer.concat(Array.from({ length: 100 }, (_, i) => line(n + i))))
    expect((await linesOf(sink)).join('')).toBe(
      Array.from({ length: 700 }, (_, n) => line(n).toString()).join(''),
    )
    const announced: string[] = []
    const isEven = (text: string): boolean => /"of":\d*[02468]}/.test(text)
    const erased = await sink.erase(isEven, async (lines) => {
      announced.push(...lines)
      // Like another instance at the same time.
      await sink.append(line(1000))
    })
    expect([erased, announced.length, announced.every(isEven)]).toEqual([350, 350, true])
    const left = await linesOf(sink)
    expect(left.filter((text) => text.endsWith('"p":null}\n'))).toHaveLength(350)
    expect(left.filter((text) => text.includes('"of":1000}'))).toHaveLength(7)
    // Evidence whose erasure cannot be announced stays.
    await expect(
      sink.erase(
        () => true,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no')
    expect(await reader.hlen('{long}:evidence')).toBe(357)
    close()
  })

  run('reports a failed batch as not written, and leaves no part of it', async () => {
    // A user whose ACL allows too little, and a key that has another type.
    const password = 'of the auditors'
    const rules = ['on', `>${password}`, '~*', '+@all']
    const sinkOf = async (stream: string, ...more: readonly string[]) => {
      await reader.call('ACL', 'SETUSER', 'auditor', 'reset', ...rules, ...more)
      const { client, close } = await connect(
        redis.url.replace('//', `//auditor:${encodeURIComponent(password)}@`),
      )
      return { sink: createRedisAuditSink(client, { stream }), close }
    }
    const batch = Buffer.concat([line(1), line(2)])
    const cases = [
      ['no-xadd', ['-xadd'], "NOPERM|can't run this command"],
      ['no-hset', ['-hset'], "NOPERM|can't run this command"],
      ['no-set', ['-set'], "NOPERM|can't run this command"],
      ['other', [], 'WRONGTYPE'],
      ['{beside}:evidence', [], 'WRONGTYPE'],
    ] as const
    for (const [name, more, says] of cases) {
      const stream = name === '{beside}:evidence' ? 'beside' : name
      if (more.length === 0) await reader.set(name, 'x')
      const { sink, close } = await sinkOf(stream, ...more)
      for (let n = 0; n < 3; n++) await expect(sink.append(batch)).rejects.toThrow(new RegExp(says))
      if (name !== 'other') expect([name, await reader.xlen(stream)]).toEqual([name, 0])
      if (stream !== 'beside') expect([name, await reader.hlen(`{${stream}}:evidence`)]).toEqual([name, 0])
      // The same batch, when it can be written.
      await reader.call('ACL', 'SETUSER', 'auditor', '+@all')
      if (more.length === 0) await reader.del(name)
      for (let n = 0; n < 2; n++) await sink.append(batch)
      expect((await linesOf(sink)).join('')).toBe(batch.toString())
      close()
    }
  })

  run('rejects malformed options at the start', async () => {
    const { client, close } = await connect(redis.url)
    expect(() => createRedisAuditSink({} as RedisClient)).toThrow(/^client: /)
    expect(() => createRedisAuditSink(client, { stream: 'a{b}' })).toThrow(/^option stream: /)
    expect(() => createRedisAuditSink(client, { entries: 0 })).toThrow(/^option entries: /)
    expect(() => createRedisAuditSink(client, { days: 0.5 })).toThrow(/^option days: /)
    expect(() => createRedisAuditSink(client, { timeout: 0.5 })).toThrow(/^option timeout: /)
    close()
  })
})

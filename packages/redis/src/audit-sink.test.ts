import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createResourceServer } from '@countersign/core'
import { createAuditLog, verifyAuditLog } from '@countersign/core/audit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisAuditSink, type RedisClient } from './index.js'
import { clients } from './testing/clients.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const run = redisBinary === undefined && process.env['COUNTERSIGN_REDIS'] !== 'required' ? it.skip : it
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

  const linesIn = async (stream: string): Promise<string[]> =>
    (await reader.xrange(stream, '-', '+')).map(([, fields]) => fields[1] as string)

  for (const [name, connect] of Object.entries(clients)) {
    run(`has every record once through ${name}, though an answer comes too late`, async () => {
      const stream = `notes:${name.replace(' ', '-')}`
      const { client, close } = await connect(redis.url)
      const audit = createAuditLog({ sink: createRedisAuditSink(client, { stream, timeout: 200 }) })
      const server = createResourceServer({
        resource: 'https://rs.example',
        signingKeys: [signingKey],
        logger: false,
        audit,
      })
      const route = server.require('agent')
      const request = { method: 'GET', target: '/', rawHeaders: ['Host', 'rs.example'] }
      for (let n = 0; n < 50; n++) await route.check(request)
      // It hangs, takes the batch when it goes on, and is given it a second time.
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
      writeFileSync(file, `${(await linesIn(stream)).join('\n')}\n`)
      const keys = (await server.handle({ ...request, target: '/.well-known/jwks.json' }))?.body as string
      const report = await verifyAuditLog([file], (JSON.parse(keys) as { keys: object[] }).keys)
      expect(report).toMatchObject({ ok: true, faults: [], records: 51, unsigned: 0 })
      rmSync(folder, { recursive: true })
      await expect(audit.erase({ ps: 'https://ps.example', sub: 'mom' })).rejects.toThrow(/cannot erase/)
      close()
    })
  }

  run('keeps about as many entries as it is told to, and is told at the start what is wrong', async () => {
    const { client, close } = await (clients['ioredis'] as (typeof clients)[string])(redis.url)
    const sink = createRedisAuditSink(client, { stream: 'short', entries: 100 })
    for (let n = 0; n < 20; n++) await sink.append(Buffer.from('{"r":{}}\n'.repeat(100)))
    expect(await reader.xlen('short')).toBeLessThan(400)
    expect(() => createRedisAuditSink({} as RedisClient)).toThrow(/^client: /)
    expect(() => createRedisAuditSink(client, { stream: 'a{b}' })).toThrow(/^option stream: /)
    expect(() => createRedisAuditSink(client, { entries: 0 })).toThrow(/^option entries: /)
    expect(() => createRedisAuditSink(client, { timeout: 0.5 })).toThrow(/^option timeout: /)
    close()
  })
})

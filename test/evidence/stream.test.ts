import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, type AuditReport, createAuditLog, verifyAuditLog } from '@countersign/core/audit'
import { createKey } from '@countersign/devkit'
import { createRedisAuditSink, type RedisAuditSink } from '@countersign/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A client that users have, and what ends it. */
async function connect(library: 'redis' | 'ioredis', url: string) {
  if (library === 'ioredis') {
    const client = new Redis(url)
    await once(client, 'ready')
    return { client, end: () => client.disconnect() }
  }
  const client = await createClient({ url }).connect()
  return { client, end: () => client.destroy() }
}

const canRun = redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required'

describe.runIf(canRun).each(adapters)('evidence in a stream of Redis [adapter %s]', (adapter) => {
  const secret = 'a secret of the auditors, and of nobody else'
  const signingKey = createKey('Ed25519', 'rs-1').privateJwk
  let redis: TestRedis
  let looker: Redis
  let folder: string
  let jwks: object[]
  const opened: { stage: Stage; log: AuditLog; sink: RedisAuditSink; close(): unknown }[] = []
  beforeAll(async () => {
    redis = await startRedis()
    looker = new Redis(redis.url)
  })
  afterAll(async () => {
    looker?.disconnect()
    await redis?.stop()
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-stream-'))
  })
  afterEach(async () => {
    for (const { stage, log, close } of opened.splice(0)) {
      await stage.close()
      await log.close()
      await close()
    }
    await looker.flushall()
    rmSync(folder, { recursive: true, force: true })
  })

  /** One instance, with a client that users have. */
  const open = async (library: 'redis' | 'ioredis'): Promise<(typeof opened)[number]> => {
    const { client, end } = await connect(library, redis.url)
    const sink = createRedisAuditSink(client, { stream: 'notes:audit' })
    const log = createAuditLog({ sink, secret })
    const stage = await openStage(adapter, { audit: log, signingKeys: [signingKey] })
    const response = await stage.town.fetch('https://rs.example/.well-known/jwks.json')
    jwks = ((await response.json()) as { keys: object[] }).keys
    const instance = { stage, log, sink, close: end }
    opened.push(instance)
    return instance
  }
  const verify = async (sink: RedisAuditSink): Promise<AuditReport> => {
    const file = join(folder, 'stream.jsonl')
    await writeFile(file, sink.read())
    return verifyAuditLog([file], jwks, { secrets: [secret] })
  }
  const grantOf = (stage: Stage, sub: string): Promise<string> =>
    stage.town.ps.mintAuthToken(
      { person: stage.mom, resource, cnf: stage.sam.key.cnf, scope: 'data.read' },
      { claims: { sub } },
    )
  const everything = async (): Promise<string> =>
    JSON.stringify([
      await looker.xrange('notes:audit', '-', '+'),
      await looker.hvals('{notes:audit}:evidence'),
    ])

  it('loses what it has of a person to erase, of all instances, and its chains verify (R-336)', async () => {
    const one = await open('redis')
    const two = await open('ioredis')
    for (const { stage } of [one, two]) {
      const token = await grantOf(stage, 'mom-at-rs')
      const other = await grantOf(stage, 'dad-at-rs')
      const person = await stage.town.ps.mintPersonToken(
        { person: stage.mom, resource, cnf: stage.sam.key.cnf },
        { claims: { sub: 'mom-at-rs' } },
      )
      for (const jwt of [token, other, token, person])
        await stage.sam.request({ url: 'https://rs.example/data' }, { token: jwt })
      await stage.sam.request({ url: 'https://rs.example/agent' })
    }
    for (const { log } of [one, two]) await log.flush()
    const whole = await verify(one.sink)
    expect(whole).toMatchObject({ ok: true, faults: [], erased: 0, verified: 10 })
    const evidence = await looker.hlen('{notes:audit}:evidence')

    const sub = 'mom-at-rs'
    expect(await two.log.erase({ ps: one.stage.town.ps.id, sub })).toBe(6)
    expect(await looker.hlen('{notes:audit}:evidence')).toBe(evidence - 6)
    expect(await two.log.erase({ ps: one.stage.town.ps.id, sub })).toBe(0)
    // A person that comes again is recorded again.
    await one.stage.sam.request(
      { url: 'https://rs.example/data' },
      { token: await grantOf(one.stage, 'mom-at-rs') },
    )
    for (const { log } of [one, two]) await log.head()
    expect(await verify(one.sink)).toMatchObject({
      ok: true,
      faults: [],
      erased: 6,
      verified: 5,
      unsigned: 0,
      records: whole.records + 1,
    })
  })

  it('shows an erasure that nobody has signed for, and a record that was changed', async () => {
    const { stage, log, sink } = await open('ioredis')
    await stage.sam.request({ url: 'https://rs.example/data' }, { token: await grantOf(stage, 'mom-at-rs') })
    await log.head()
    const hash = '{notes:audit}:evidence'
    const [name, text] = Object.entries(await looker.hgetall(hash)).at(-1) as [string, string]
    await looker.hset(hash, name, text.replace('"jti":"', '"jti":"x'))
    expect((await verify(sink)).faults).toMatchObject([{ kind: 'altered' }])
    await looker.hdel(hash, name)
    expect((await verify(sink)).faults).toMatchObject([
      { kind: 'altered', detail: expect.stringContaining('no signed statement') },
    ])
    await looker.hset(hash, name, text)
    expect((await verify(sink)).faults).toEqual([])
    expect(await everything()).not.toContain('mom-at-rs')
  })
})

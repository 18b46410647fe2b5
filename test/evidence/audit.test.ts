import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, type AuditReport, createAuditLog, verifyAuditLog } from '@countersign/core/audit'
import { contentDigest } from '@countersign/core/signature'
import { createKey } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adapters } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Recorded {
  readonly r: { readonly seq: number; readonly decision: Readonly<Record<string, unknown>> }
  readonly p?: Readonly<Record<string, unknown>> | null
}

describe.each(adapters)('the audit log of an application [adapter %s]', (adapter) => {
  const secret = 'a secret of the auditors, and of nobody else'
  let folder: string
  let stage: Stage
  let log: AuditLog
  let jwks: object[]
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'))
    log = createAuditLog({ file: join(folder, 'audit.jsonl'), secret })
    stage = await openStage(adapter, { audit: log })
    const response = await stage.town.fetch('https://rs.example/.well-known/jwks.json', {
      signal: AbortSignal.timeout(5000),
    })
    jwks = ((await response.json()) as { keys: object[] }).keys
  })
  afterEach(async () => {
    await stage.close()
    await log.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const recorded = async (): Promise<Recorded[]> => {
    await log.flush()
    const text = readFileSync(join(folder, 'audit.jsonl'), 'utf8')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Recorded)
  }
  const verify = async (): Promise<AuditReport> => {
    const files = readdirSync(folder).map((name) => join(folder, name))
    return verifyAuditLog(files, jwks, { secrets: [secret] })
  }

  it('has one record for each request to a guarded route or an endpoint of ours (R-335)', async () => {
    const before = (await recorded()).length
    const get = (path: string, token?: string): Promise<Response> =>
      stage.sam.request({ url: `https://rs.example${path}` }, token === undefined ? {} : { token })
    await get('/agent')
    await get('/data', await stage.personToken())
    await get('/data', await stage.grant('data.read'))
    await get('/nowhere')
    await stage.town.fetchAs('nobody')('https://rs.example/data')
    await stage.town.fetchAs('nobody')('https://rs.example/.well-known/aauth-resource.json')
    const records = (await recorded()).slice(before)
    expect(
      records.map(({ r: { decision } }) => [decision['route'], decision['outcome'], decision['caller']]),
    ).toEqual([
      ['/agent', 'served', 'agent'],
      ['/data', 'challenged', 'person'],
      ['/data', 'served', 'grant'],
      ['/data', 'challenged', 'nobody'],
      ['/.well-known/aauth-resource.json', 'served', 'nobody'],
    ])
    await log.close()
    expect(await verify()).toMatchObject({ ok: true, verified: 3, unverifiable: 0, unsigned: 0 })
  })

  it('keeps a revocation that a server has signed, and verifies it under that server’s key', async () => {
    const body = JSON.stringify({
      iss: stage.town.ps.id,
      jti: 'lost',
      exp: Math.floor(stage.town.clock() / 1000) + 60,
    })
    const response = await stage.town.ps.server.request({
      method: 'POST',
      url: 'https://rs.example/aauth/revoke',
      headers: { 'Content-Type': 'application/json', 'Content-Digest': contentDigest(Buffer.from(body)) },
      body,
    })
    expect(response.status).toBe(200)
    expect((await recorded()).at(-1)).toMatchObject({
      r: { decision: { outcome: 'served', caller: 'server' } },
      p: { iss: stage.town.ps.id },
    })
    await log.close()
    expect(await verify()).toMatchObject({ ok: true, verified: 1 })
  })

  it('names whom a sub-agent helps, and erases what was done for a person', async () => {
    const key = createKey()
    const helper = await stage.town.ap.mintAgentToken({ name: 'brother', parent: 'sam', cnf: key.cnf })
    await stage.sam.request({ url: 'https://rs.example/agent' }, { token: helper, key })
    const token = await stage.grant('data.read')
    await stage.sam.request({ url: 'https://rs.example/data' }, { token })
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as {
      sub: string
    }
    const all = await recorded()
    expect(all.at(-2)?.r.decision).toMatchObject({ parentAgent: 'aauth:sam@ap.example' })
    expect(all.at(-1)?.p).toMatchObject({ person: expect.any(String) })
    expect(await log.erase({ ps: stage.town.ps.id, sub: claims.sub })).toBe(1)
    expect((await recorded()).at(-1)?.p).toBeNull()
    await log.close()
    expect(await verify()).toMatchObject({ ok: true, verified: 1, erased: 1 })
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(readFileSync(path, 'utf8')).not.toContain(claims.sub)
    }
  })
})

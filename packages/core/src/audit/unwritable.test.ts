import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { auditedServer } from '../testing/audited-server.js'
import { signed, token } from '../testing/party.js'
import type { AuditSink } from './sink.js'

const run = auditedServer()
const { call, start, verify } = run

/** A sink that fails for as long as it is told to. */
class BrokenSink implements AuditSink {
  broken = false
  readonly lines: string[] = []
  readonly statements: string[] = []

  async append(lines: Uint8Array): Promise<void> {
    if (this.broken) throw new Error('no space left')
    this.lines.push(...Buffer.from(lines).toString().split('\n').slice(0, -1))
  }

  async state(statement: string): Promise<void> {
    this.statements.push(statement)
  }
}

describe('an audit log that cannot be written', () => {
  it('serves without a record with drop, says how many are missing, and tells once', async () => {
    const sink = new BrokenSink()
    start({ sink, buffer: 65_536, whenFull: 'drop' })
    sink.broken = true
    for (let n = 0; n < 200; n++) expect(await call('aa-agent+jwt')).toBe(true)
    await expect(run.log.flush()).rejects.toThrow('no space left')
    await expect(run.log.flush()).rejects.toThrow('no space left')
    const { dropped, ok } = run.log.health()
    expect(ok).toBe(false)
    expect(dropped).toBeGreaterThan(0)
    sink.broken = false
    await run.log.flush()
    await call('aa-agent+jwt')
    await run.log.close()
    expect(run.log.health()).toMatchObject({ ok: true, waiting: 0, dropped })
    expect(sink.lines).toHaveLength(201 - dropped)
    writeFileSync(run.file, `${[...sink.lines, ...sink.statements].join('\n')}\n`)
    expect(await verify()).toMatchObject({ ok: true, dropped, records: 201 - dropped })
    const names = run.server.events.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('audit-'))).toEqual(['audit-failed', 'audit-recovered'])
  })

  it('lets no more wait than there is room for, the records that wait for each other among them', async () => {
    const sink = new BrokenSink()
    start({ sink, buffer: 65_536, whenFull: 'refuse', gather: 10_000 })
    sink.broken = true
    const jwt = await token('aa-agent+jwt')
    const route = run.server.require('agent')
    let served = 0
    // Nothing has been tried to be written yet: what refuses is half of the buffer alone.
    while ((await route.check(await signed(jwt))).served) served++
    const { waiting, records, ok } = run.log.health()
    expect(ok).toBe(true)
    expect(records).toBe(served + 1)
    expect(waiting).toBeGreaterThan(32_768)
    expect(waiting).toBeLessThan(32_768 + 2 * 2048)
    sink.broken = false
    await run.log.close()
  })

  it('refuses with refuse, but for revocations and documents, until it can be written again', async () => {
    const sink = new BrokenSink()
    start({ sink, whenFull: 'refuse' })
    sink.broken = true
    expect(await call('aa-agent+jwt')).toBe(true)
    await expect(run.log.flush()).rejects.toThrow('no space left')
    const outcome = await run.server.require('agent').check(await signed(await token('aa-agent+jwt')))
    expect(outcome).toMatchObject({ served: false, code: 'overloaded', answer: { status: 503 } })
    const ask = async (method: string, target: string): Promise<number | undefined> =>
      (await run.server.handle({ method, target, rawHeaders: ['Host', 'rs.example'] }))?.status
    expect(await ask('GET', '/.well-known/aauth-resource.json')).toBe(200)
    expect(await ask('GET', '/.well-known/jwks.json')).toBe(200)
    expect(await ask('POST', '/aauth/revoke')).toBe(401)
    expect(await ask('POST', '/aauth/authorize')).toBe(503)
    sink.broken = false
    await run.log.flush()
    expect(await call('aa-agent+jwt')).toBe(true)
    await run.log.close()
    expect(sink.lines).toHaveLength(7)
  })
})

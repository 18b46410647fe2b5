import { describe, expect, it } from 'vitest'
import { callIdOf } from '../decision/call-id.js'
import type { HttpRequest } from '../http/message.js'
import { auditedServer, everybody, noSignatures, publicJwk, secret } from '../testing/audited-server.js'
import { now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { type AuditLog, createAuditLog } from './log.js'

const run = auditedServer()
const { call, lines, records, verify } = run

describe('createAuditLog', () => {
  it('keeps of every request what verifies it again offline (R-335)', async () => {
    for (const typ of everybody) await call(typ)
    await call('aa-auth+jwt', { scope: 'data.write' })
    await call('aa-auth+jwt', { exp: now - 1 })
    await run.log.close()
    expect(lines()).toHaveLength(6)
    expect(await verify()).toEqual({
      ok: true,
      faults: [],
      records: 6,
      signatures: { ...noSignatures, verified: 4, unsigned: 1, 'refused-valid': 1 },
      verified: 4,
      unverifiable: 0,
      erased: 0,
      unsigned: 0,
      dropped: 0,
    })
    expect(records().map(({ r }) => [r.decision['outcome'], r.decision['caller']])).toEqual([
      ['challenged', 'nobody'],
      ['served', 'agent'],
      ['served', 'person'],
      ['served', 'grant'],
      ['challenged', 'grant'],
      ['refused', 'unverified'],
    ])
    expect(records()[3]?.p).toMatchObject({ iss: 'https://ps.example', jti: 'token-1' })
  })

  it('keeps records of tokens that come back until a few are there, in their order, as they were decided', async () => {
    const jwt = await token('aa-agent+jwt')
    const route = run.server.require('agent')
    const ids: (string | undefined)[] = []
    const ask = async (sent: HttpRequest): Promise<void> => {
      ids.push(callIdOf(sent))
      await route.check(sent)
      // Whoever handles a request may change what it holds.
      ;(sent.rawHeaders as string[]).length = 0
    }
    for (let n = 0; n < 100; n++) {
      run.time += 1
      await ask(await signed(jwt))
      // One that does not wait is written after those that do.
      if (n % 40 === 5) await ask({ method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] })
    }
    expect(run.log.health()).toMatchObject({ records: 103, dropped: 0 })
    await run.log.close()
    expect(records().map(({ r }) => r.decision['id'])).toEqual(ids)
    const times = records().map(({ r }) => r.at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(new Set(times).size).toBe(100)
    expect(await verify()).toMatchObject({
      ok: true,
      records: 103,
      signatures: { ...noSignatures, verified: 100, unsigned: 3 },
    })
  })

  it('tells at the start what is wrong', () => {
    expect(() => createAuditLog({})).toThrow(/needs file or sink/)
    expect(() => createAuditLog({ file: run.file, gather: 0 })).toThrow(/createAuditLog: gather/)
    expect(() => createAuditLog({ file: run.file, secret: 'short' })).toThrow(/createAuditLog: secret/)
    expect(() => createAuditLog({ file: run.file, formerSubjectKeys: ['short'] })).toThrow(
      /formerSubjectKeys/,
    )
    const elsewhere = {
      publicJwk: { ...publicJwk, kid: 'far' },
      sign: () => Promise.resolve(new Uint8Array(64)),
    }
    expect(() =>
      testResource({ audit: createAuditLog({ file: run.file }), signingKeys: [elsewhere] }),
    ).toThrow(/^option audit: needs subjectKey or secret/)
    expect(() =>
      testResource({ audit: createAuditLog({ file: run.file, secret }), signingKeys: [elsewhere] }),
    ).not.toThrow()
    expect(() => testResource({ audit: createAuditLog({ file: '/nowhere/audit' }) })).toThrow(
      /cannot be opened/,
    )
    expect(() => testResource({ audit: createAuditLog({ file: '/dev/null' }) })).toThrow(/no regular file/)
    expect(() => testResource({ audit: run.log })).toThrow(/belongs to another/)
    // A log that would never be told of anything: another copy's, or one that was spread.
    expect(() => testResource({ audit: { ...run.log, flush: run.log.flush } as AuditLog })).toThrow(
      /^option audit/,
    )
    expect(() => testResource({ audit: { file: run.file } as { subjects?: boolean } })).toThrow(
      /^option audit.file: /,
    )
  })
})

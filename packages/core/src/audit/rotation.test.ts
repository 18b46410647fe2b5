import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { auditedServer, noSignatures, publicJwk, secret } from '../testing/audited-server.js'
import { signed, token } from '../testing/party.js'
import type { AuditReport } from './report.js'
import { type VerifyAuditOptions, verifyAuditLog } from './verify.js'

const run = auditedServer()
const { call, files, lines, start, verify } = run

describe('the files of an audit log', () => {
  it('has the token in each file that records which waited come to (R-336)', async () => {
    start({ rotate: { seconds: 5 } })
    const jwt = await token('aa-agent+jwt')
    const route = run.server.require('agent')
    for (let n = 0; n < 7; n++) {
      for (let k = 0; k <= n; k++) await route.check(await signed(jwt))
      run.time += 5000
    }
    await run.log.close()
    expect(files().filter((name) => !name.endsWith('.heads'))).toHaveLength(7)
    expect(await verify()).toMatchObject({
      ok: true,
      records: 28,
      signatures: { ...noSignatures, verified: 28 },
    })
  })

  it('goes on in new files by size, each with what it needs, and finds one that is missing', async () => {
    await run.log.close()
    start({ rotate: { bytes: 65_536 } })
    for (let n = 0; n < 300; n++) await call('aa-agent+jwt')
    await run.log.close()
    const rotated = files().filter((name) => !name.endsWith('.heads') && name !== run.file)
    expect(rotated.length).toBeGreaterThan(1)
    expect(await verify()).toMatchObject({ ok: true, records: 300, verified: 300, unsigned: 0 })
    const [first, second] = rotated.sort() as [string, string]
    const without = (gone: string, options: VerifyAuditOptions = {}): Promise<AuditReport> =>
      verifyAuditLog(
        files().filter((name) => name !== gone),
        [publicJwk],
        { secrets: [secret], ...options },
      )
    expect((await without(second)).faults[0]).toMatchObject({ kind: 'missing' })
    expect((await without(first)).faults[0]).toMatchObject({ kind: 'missing' })
    expect((await without(run.file)).faults[0]).toMatchObject({ kind: 'missing' })
    const kept = await without(first, { earlierGone: true })
    expect(kept).toMatchObject({ ok: true, unverifiable: 0 })
    expect(await without(second, { earlierGone: true })).toMatchObject({ ok: false })
  })

  it('goes on in new files by time, and deletes the ones that were kept long enough (R-336)', async () => {
    await run.log.close()
    start({ rotate: { seconds: 3600 }, keep: { days: 1 } })
    for (let hour = 0; hour < 60; hour++) {
      await call(undefined)
      await run.log.flush()
      run.time += 3_600_000
    }
    await run.log.close()
    const rotated = files().filter((name) => !name.endsWith('.heads') && name !== run.file)
    expect(rotated).toHaveLength(25)
    expect(await verify()).toMatchObject({ ok: false })
    expect(await verify({ earlierGone: true })).toMatchObject({ ok: true, records: 26 })
  })

  it('goes on in the same file when it is opened again, with a chain of its own', async () => {
    await call('aa-agent+jwt')
    await run.log.close()
    const first = lines()
    start()
    await call('aa-agent+jwt')
    await run.log.close()
    expect(lines().slice(0, -1)).toEqual(first)
    expect(await verify()).toMatchObject({ ok: true, records: 2, verified: 2 })
    writeFileSync(run.file, `${lines().slice(1).join('\n')}\n`)
    expect((await verify()).faults.map(({ kind }) => kind)).toContain('missing')
  })

  it('leaves a line that was cut off where it is, and begins a new file', async () => {
    await call('aa-agent+jwt')
    await run.log.close()
    writeFileSync(run.file, `${readFileSync(run.file, 'utf8')}{"r":{"v":1,`)
    start()
    await call('aa-agent+jwt')
    await run.log.close()
    expect(lines()).toHaveLength(1)
    const { faults, records } = await verify()
    expect(records).toBe(2)
    expect(faults.map(({ kind }) => kind)).toEqual(['torn', 'missing'].slice(0, faults.length))
  })
})

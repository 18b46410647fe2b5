import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { auditedServer, everybody, secret } from '../testing/audited-server.js'
import { newJwks } from '../testing/jwk.js'
import { now } from '../testing/party.js'
import { verifyAuditLog } from './verify.js'

const run = auditedServer()
const { call, files, lines, verify } = run

describe('an audit log that was changed', () => {
  it('finds any byte that is flipped', async () => {
    for (const typ of everybody) await call(typ)
    await run.log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })
    await call('aa-person+jwt')
    await call('aa-person+jwt', { exp: now - 1 })
    await run.log.close()
    expect(await verify()).toMatchObject({ ok: true, erased: 2, signatures: { 'refused-valid': 1 } })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files()),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async (path, where, flip) => {
          const bytes = readFileSync(path)
          const changed = Buffer.from(bytes)
          const at = Math.floor(where * bytes.length)
          changed[at] = (changed[at] as number) ^ flip
          writeFileSync(path, changed)
          const report = await verify()
          writeFileSync(path, bytes)
          expect(report.ok).toBe(false)
        },
      ),
      { numRuns: 250 },
    )
  }, 60_000)

  it('finds records that another has written, and statements that another has signed', async () => {
    for (const typ of everybody) await call(typ)
    await run.log.close()
    const good = lines()
    const swapped = [good[0], good[2], good[1], good[3]]
    writeFileSync(run.file, `${swapped.join('\n')}\n`)
    expect((await verify()).ok).toBe(false)
    writeFileSync(run.file, `${good.slice(0, -1).join('\n')}\n`)
    expect((await verify()).faults[0]).toMatchObject({
      kind: 'missing',
      detail: expect.stringContaining('from 3 on'),
    })
    writeFileSync(run.file, `${good.join('\n')}\n`)
    const others = importSigningJwk(newJwks().privateJwk).publicJwk
    const report = await verifyAuditLog(files(), [others], { secrets: [secret] })
    expect(report.faults[0]).toMatchObject({ kind: 'forged' })
  })
})

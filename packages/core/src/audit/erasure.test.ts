import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { auditedServer, everybody, privateJwk, secret } from '../testing/audited-server.js'
import { newJwks } from '../testing/jwk.js'
import { now } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { createCipher } from './cipher.js'
import { createAuditLog } from './log.js'
import type { AuditLogOptions } from './options.js'
import { verifyAuditLog } from './verify.js'

const run = auditedServer()
const { call, fared, files, lines, records, start, verify } = run

describe('the erasure of a person', () => {
  it('names no person in clear, in no encoding, and may be read by nobody else (R-333, R-336)', async () => {
    start({ file: join(run.folder, 'plain.jsonl') })
    for (const typ of everybody) await call(typ)
    await call('aa-person+jwt', { exp: now - 1 })
    await run.log.close()
    for (const path of files()) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
      const text = readFileSync(path, 'utf8')
      const decoded = [...text.matchAll(/[\w-]{20,}/g)].map(([part]) =>
        Buffer.from(part, 'base64url').toString(),
      )
      expect([text, ...decoded].filter((one) => one.includes('mom-at-rs'))).toEqual([])
    }
  })

  it('erases what was refused in the name of a person as well, with the token that is sealed (R-336)', async () => {
    for (const typ of ['aa-person+jwt', 'aa-auth+jwt'] as const)
      for (let n = 0; n < 2; n++) await call(typ, { exp: now - 1 })
    await call('aa-person+jwt', { exp: now - 1, sub: 'dad-at-rs' })
    // What says whom it names in another way is found by what its type goes by.
    await call('aa-person+jwt', { exp: now - 1, ps: 'https://other.example' })
    await call('aa-auth+jwt', { exp: now - 1, ps: 'https://other.example' })
    await call('aa-person+jwt')
    expect(await run.log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })).toBe(6)
    // It is known in this file, and has to be written once more.
    await call('aa-person+jwt')
    await run.log.close()
    const opened = createCipher(secret)
    const text = readFileSync(run.file, 'utf8')
    const tokens = [...text.matchAll(/"s":"([^"]+)"/g)].map(([, sealed = '']) => opened.open(sealed) ?? '')
    const subs = tokens.map((jwt) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()))
    expect(subs.map(({ ps = 'https://ps.example', sub }) => [ps, sub])).toEqual([
      ['https://ps.example', 'dad-at-rs'],
      ['https://other.example', 'mom-at-rs'],
      ['https://ps.example', 'mom-at-rs'],
    ])
    expect((await fared()).slice(-1)).toEqual(['served verified'])
    expect(await verify()).toMatchObject({ ok: true, erased: 6 })
  })

  it('erases all evidence of a person, and the chain verifies (R-336)', async () => {
    for (const typ of everybody) await call(typ)
    await call('aa-person+jwt', { sub: 'dad-at-rs', jti: 'token-2' })
    await run.log.flush()
    const before = lines()
    expect(await run.log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })).toBe(2)
    expect(await run.log.erase({ ps: 'https://other.example', sub: 'dad-at-rs' })).toBe(0)
    await run.log.close()
    expect(records().map(({ p }) => p === null)).toEqual([false, false, true, true, false])
    expect(lines().map(({ length }) => length)).toEqual(before.map(({ length }) => length))
    expect(await verify()).toMatchObject({ ok: true, erased: 2, verified: 2 })
    // Without the signed statement it is no erasure.
    const heads = readFileSync(`${run.file}.heads`, 'utf8').split('\n')
    writeFileSync(`${run.file}.heads`, heads.slice(1).join('\n'))
    expect((await verify()).faults[0]).toMatchObject({ kind: 'altered', seq: 2 })
  })

  it('finds a person to erase under every key that the hashes had, and says where they may be lost (R-336)', async () => {
    await run.log.close()
    const keys = [privateJwk, newJwks().privateJwk, newJwks().privateJwk] as const
    const mom = { ps: 'https://ps.example', sub: 'mom-at-rs' }
    const warned = (): boolean =>
      run.server.events.some((event) => event.name === 'diagnostic' && event.code === 'AAUTH_SUBJECT_KEY')
    const hashes = new Set<unknown>()
    const runWith = async (
      signingKeys: readonly object[],
      options: Partial<AuditLogOptions>,
      erases = false,
    ): Promise<number> => {
      run.log = createAuditLog({ file: run.file, ...options })
      run.server = testResource({ audit: run.log, signingKeys, clock: () => run.time })
      await call('aa-person+jwt')
      await run.log.flush()
      hashes.add(records().at(-1)?.p?.['person'])
      const erased = erases ? await run.log.erase(mom) : 0
      await run.log.close()
      return erased
    }
    const other = 'another secret of the auditors, which is gone'
    // A key is rotated; a secret comes, another, and then a key for the subjects.
    await runWith([keys[0]], {})
    expect(warned()).toBe(true)
    await runWith([keys[1], keys[0]], {})
    await runWith([keys[1]], { secret: other })
    expect(warned()).toBe(false)
    await runWith([keys[2]], { secret })
    await runWith([keys[2]], { secret, subjectKey: 'k'.repeat(32) })
    expect(hashes.size).toBe(5)
    // Two keys are gone.
    expect(await runWith([keys[2]], { secret, subjectKey: 'k'.repeat(32) }, true)).toBe(3)
    const formerSubjectKeys = [other, keys[0]['d'] as string]
    expect(await runWith([keys[1]], { secret, formerSubjectKeys }, true)).toBe(4)
    expect(
      await verifyAuditLog(
        files(),
        keys.map((key) => importSigningJwk(key).publicJwk),
      ),
    ).toMatchObject({
      ok: true,
      erased: 7,
    })
  })
})

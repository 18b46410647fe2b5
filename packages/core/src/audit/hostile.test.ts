import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { newJwks } from '../testing/jwk.js'
import { issuerKey, newKey, now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { FileSink } from './file-sink.js'
import { writeLine } from './line.js'
import { createAuditLog } from './log.js'
import { auditTrail } from './trail.js'
import { verifyAuditLog } from './verify.js'

const secret = 'a secret of the auditors, and of nobody else'
const { privateJwk } = newJwks()
const { publicJwk } = importSigningJwk(privateJwk)

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-hostile-'))
  file = join(folder, 'audit.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const all = (): string[] => readdirSync(folder).map((name) => join(folder, name))

describe('an issuer that gives its kid to another key', () => {
  const pinned = (key: typeof issuerKey) => [
    { issuer: 'https://ps.example', dwk: 'aauth-person.json', jwks: { keys: [key.publicJwk] } },
  ]
  /** A process with the keys that the issuer has then. */
  const serve = async (key: typeof issuerKey, jwt: string): Promise<boolean> => {
    const log = createAuditLog({ file, secret })
    const server = testResource({
      audit: log,
      signingKeys: [privateJwk],
      issuers: { pinned: pinned(key) },
      clock: () => now * 1000,
    })
    const { served } = await server.require({ identity: 'any' }).check(await signed(jwt))
    await log.close()
    return served
  }

  it.each(['before', 'after'])(
    'makes no log false whose token it has refused %s it verified',
    async (when) => {
      const jwt = await token('aa-person+jwt')
      const other = newKey('Ed25519', 'issuer-1')
      const [first, second] = when === 'after' ? [issuerKey, other] : [other, issuerKey]
      const served = [await serve(first as typeof other, jwt), await serve(second as typeof other, jwt)]
      expect(served.sort()).toEqual([false, true])
      expect(await verifyAuditLog(all(), [publicJwk], { secrets: [secret] })).toMatchObject({
        ok: true,
        faults: [],
        verified: 1,
      })
    },
  )
})

describe('the method in a record', () => {
  it('is the one that was signed, whatever stands in a field that was signed as well', async () => {
    const log = createAuditLog({ file, secret })
    const server = testResource({ audit: log, signingKeys: [privateJwk], clock: () => now * 1000 })
    const rawHeaders = ['Host', 'rs.example', 'X-Note', '"@method": DELETE']
    const components = ['@method', '@authority', '@path', 'signature-key', 'x-note']
    const request = await signed(
      await token('aa-agent+jwt'),
      { components },
      { method: 'GET', target: '/', rawHeaders },
    )
    expect((await server.require('agent').check(request)).served).toBe(true)
    await log.close()
    writeFileSync(file, readFileSync(file, 'utf8').replace('"method":"GET"', '"method":"DELETE"'))
    const { faults } = await verifyAuditLog([file], [publicJwk], { secrets: [secret] })
    expect(faults.map(({ detail }) => detail)).toContain('another method was signed')
  })
})

describe('a file that another process has begun anew while a person is erased', () => {
  const line = (name: string): string => `${writeLine(`{"of":"${name}"}`, `{"person":"${name}"}`)}\n`
  const open = (): FileSink =>
    new FileSink({ file, fsync: 'none', files: 10, days: 10, clock: () => now * 1000 })
  const erased = (name: string): string => `{"r":{"of":"${name}"},"p":null`

  it('keeps what is in the new one, and loses what was to be erased in the old one', async () => {
    const [one, two] = [open(), open()]
    await one.append(Buffer.from(line('mom') + line('dad')))
    const count = await one.erase(
      (text) => text.includes('mom'),
      async () => {
        await two.rotate()
        await two.append(Buffer.from(line('sam')))
      },
    )
    expect(count).toBe(1)
    expect(readFileSync(file, 'utf8')).toBe(line('sam'))
    const [old = ''] = readdirSync(folder).filter((name) => /\d{8}T/.test(name))
    const text = readFileSync(join(folder, old), 'utf8')
    expect(text.startsWith(erased('mom'))).toBe(true)
    expect(text.endsWith(line('dad'))).toBe(true)
    await Promise.all([one.close(), two.close()])
  })

  it('is looked through under whatever name it has by then, and others that are gone are no fault', async () => {
    const [one, two] = [open(), open()]
    for (const name of ['mom 1', 'mom 2', 'mom 3']) {
      await one.append(Buffer.from(line(name)))
      if (name !== 'mom 3') await one.rotate()
    }
    const seen: string[] = []
    const count = await one.erase(
      (text) => text.includes('mom'),
      async (lines) => {
        seen.push(...lines)
        if (seen.length > 1) return
        await two.rotate()
        // As retention does.
        const [, second = ''] = readdirSync(folder)
          .filter((name) => /\d{8}T/.test(name))
          .sort()
        renameSync(join(folder, second), join(folder, 'gone'))
      },
    )
    expect([count, seen.map((text) => text.slice(12, 17))]).toEqual([2, ['mom 1', 'mom 3']])
    await Promise.all([one.close(), two.close()])
  })
})

describe('the words of a trail', () => {
  it.each([
    ['a line', 'x\n  called by https://bank.example in its caller’s name', 'x\\u{a}  called by'],
    ['a line of Unicode', 'x\u2028y', 'x\\u{2028}y'],
    ['what a terminal does', '\u001b[2J\u009b1m\u007f', '\\u{1b}[2J\\u{9b}1m\\u{7f}'],
    ['another direction', 'x\u202ey', 'x\\u{202e}y'],
    ['half a character', 'x\ud800y', 'x\\u{d800}y'],
  ])('have no %s of a stranger’s', async (_, jti, shown) => {
    const log = createAuditLog({ file, secret })
    const server = testResource({ audit: log, signingKeys: [privateJwk], clock: () => now * 1000 })
    const { served } = await server
      .require('person')
      .check(await signed(await token('aa-person+jwt', { jti })))
    expect(served).toBe(true)
    await log.close()
    const { text, paths } = await auditTrail([file], { jti })
    expect(paths[0]?.[0]?.jti).toBe(jti)
    expect(text).toContain(`token ${shown}`)
    expect(text.split('\n').filter((one) => one.includes('called by https://bank')).length).toBe(
      jti.includes('bank') ? 1 : 0,
    )
    expect(text.split('\n').some((one) => one.trim().startsWith('called by'))).toBe(false)
  })
})

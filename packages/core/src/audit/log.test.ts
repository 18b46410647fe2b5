import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { callIdOf } from '../decision/call-id.js'
import type { HttpRequest } from '../http/message.js'
import type { ResourceServer } from '../server/contract.js'
import { newJwks } from '../testing/jwk.js'
import { now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { createCipher } from './cipher.js'
import { type AuditLog, createAuditLog } from './log.js'
import type { AuditLogOptions } from './options.js'
import type { AuditReport } from './report.js'
import type { AuditSink } from './sink.js'
import { type VerifyAuditOptions, verifyAuditLog } from './verify.js'

const secret = 'a secret of the auditors, and of nobody else'
const { privateJwk } = newJwks()
const { publicJwk } = importSigningJwk(privateJwk)

let folder: string
let file: string
let time: number
let log: AuditLog
let server: ResourceServer

function start(options: Partial<AuditLogOptions> = {}): void {
  log = createAuditLog({ ...('sink' in options ? {} : { file }), secret, ...options })
  server = testResource({ audit: log, signingKeys: [privateJwk], clock: () => time })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'))
  file = join(folder, 'audit.jsonl')
  time = now * 1000
  start()
})

afterEach(async () => {
  await log.close().catch(() => {})
  rmSync(folder, { recursive: true, force: true })
})

const files = (): string[] => readdirSync(folder).map((name) => join(folder, name))
const verify = (options: VerifyAuditOptions = { secrets: [secret] }): Promise<AuditReport> =>
  verifyAuditLog(files(), [publicJwk], options)
const lines = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)
const records = (): { r: { decision: Record<string, unknown> }; p?: Record<string, unknown> }[] =>
  lines().map((line) => JSON.parse(line))

type Typ = Parameters<typeof token>[0]

/** One request to a route that asks for what this type of token gives. */
async function call(typ: Typ | undefined, changes: object = {}, request?: HttpRequest): Promise<boolean> {
  const route = server.require(typ === 'aa-auth+jwt' ? { scope: 'data.read' } : { identity: 'any' })
  const unsigned = request ?? { method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] }
  const sent = typ === undefined ? unsigned : await signed(await token(typ, changes), {}, unsigned)
  const outcome = await route.check(sent)
  return outcome.served
}

const everybody: (Typ | undefined)[] = [undefined, 'aa-agent+jwt', 'aa-person+jwt', 'aa-auth+jwt']

const none = {
  verified: 0,
  failed: 0,
  'refused-valid': 0,
  'refused-invalid': 0,
  unsigned: 0,
  unread: 0,
  'token-missing': 0,
  'key-missing': 0,
  'base-missing': 0,
  erased: 0,
  altered: 0,
}

/** What is said of each record, in their order. */
async function fared(options: VerifyAuditOptions = { secrets: [secret] }): Promise<string[]> {
  const said: string[] = []
  const report = await verifyAuditLog([file], [publicJwk], {
    ...options,
    onRecord: ({ line, seq, outcome, signature }) => {
      expect([line, seq]).toEqual([said.length + 1, said.length])
      said.push(`${outcome} ${signature}`)
    },
  })
  const counts: Record<string, number> = { ...none }
  for (const text of said) {
    const [, signature = ''] = text.split(' ')
    counts[signature] = (counts[signature] ?? 0) + 1
  }
  expect(report.signatures).toEqual(counts)
  return said
}

describe('createAuditLog', () => {
  it('keeps of every request what verifies it again offline (R-335)', async () => {
    for (const typ of everybody) await call(typ)
    await call('aa-auth+jwt', { scope: 'data.write' })
    await call('aa-auth+jwt', { exp: now - 1 })
    await log.close()
    expect(lines()).toHaveLength(6)
    expect(await verify()).toEqual({
      ok: true,
      faults: [],
      records: 6,
      signatures: { ...none, verified: 4, unsigned: 1, 'refused-valid': 1 },
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

  it('names no person in clear, in no encoding, and may be read by nobody else (R-333, R-336)', async () => {
    start({ file: join(folder, 'plain.jsonl') })
    for (const typ of everybody) await call(typ)
    await call('aa-person+jwt', { exp: now - 1 })
    await log.close()
    for (const path of files()) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
      const text = readFileSync(path, 'utf8')
      const decoded = [...text.matchAll(/[\w-]{20,}/g)].map(([part]) =>
        Buffer.from(part, 'base64url').toString(),
      )
      expect([text, ...decoded].filter((one) => one.includes('mom-at-rs'))).toEqual([])
    }
  })

  it('has what verifies the signature of a request that was refused, and says of each record how it fared', async () => {
    const route = server.require({ identity: 'any' })
    const bent = async (typ: Typ): Promise<HttpRequest> => {
      const request = await signed(await token(typ), {})
      const rawHeaders = request.rawHeaders.map((value) =>
        value.startsWith('sig=:') ? `sig=:${Buffer.alloc(64, 7).toString('base64')}:` : value,
      )
      return { ...request, rawHeaders }
    }
    await call(undefined)
    await call('aa-person+jwt', { exp: now - 1 })
    await call('aa-person+jwt', { exp: now - 1 })
    await route.check(await bent('aa-person+jwt'))
    await route.check(await bent('aa-agent+jwt'))
    await route.check(await signed(`${(await token('aa-person+jwt')).slice(0, -8)}AAAAAAAA`, {}))
    await call('aa-person+jwt', { iss: 'https://unknown.example', dwk: 'aauth-person.json' })
    await route.check({
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'Signature', 'sig=('],
    })
    await call('aa-person+jwt')
    await log.close()
    const refused = 'refused refused-invalid'
    const expected = [
      'challenged unsigned',
      'refused refused-valid',
      'refused refused-valid',
      refused,
      refused,
      refused,
      'refused refused-valid',
      'refused unread',
      'served verified',
    ]
    expect(await fared()).toEqual(expected)
    expect(await fared({})).toEqual(
      expected.map((said) => (/-|verified/.test(said) ? said.replace(/ .+/, ' token-missing') : said)),
    )
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('keeps of a refused token no more than there is room for, and nothing that nobody could erase', async () => {
    const route = server.require({ identity: 'any' })
    const long = await token('aa-person+jwt', { exp: now - 1, long: 'x'.repeat(5600) })
    await route.check(await signed(long))
    const good = await token('aa-person+jwt', { exp: now - 1 })
    const [header, claims, signature] = good.split('.') as [string, string, string]
    // Not canonical: no decoder of ours says whose it is, and others would.
    await route.check(await signed(`${header}.${claims}=.${signature}`))
    await log.flush()
    expect(records().map(({ p }) => Object.keys(p?.['token'] ?? {}))).toEqual([['h'], ['h']])
  })

  it('erases what was refused in the name of a person as well, with the token that is sealed (R-336)', async () => {
    for (const typ of ['aa-person+jwt', 'aa-auth+jwt'] as const)
      for (let n = 0; n < 2; n++) await call(typ, { exp: now - 1 })
    await call('aa-person+jwt', { exp: now - 1, sub: 'dad-at-rs' })
    // What says whom it names in another way is found by what its type goes by.
    await call('aa-person+jwt', { exp: now - 1, ps: 'https://other.example' })
    await call('aa-auth+jwt', { exp: now - 1, ps: 'https://other.example' })
    await call('aa-person+jwt')
    expect(await log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })).toBe(6)
    // It is known in this file, and has to be written once more.
    await call('aa-person+jwt')
    await log.close()
    const opened = createCipher(secret)
    const text = readFileSync(file, 'utf8')
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

  it('keeps secrets that were signed only sealed, and verifies all the same', async () => {
    const route = server.require({ identity: 'any' })
    const sent = {
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'Cookie', 'sid=secret-cookie'],
    }
    const components = ['@method', '@authority', '@path', 'signature-key', 'cookie']
    await route.check(await signed(await token('aa-agent+jwt'), { components }, sent))
    await log.close()
    expect(readFileSync(file, 'utf8')).not.toContain('secret-cookie')
    expect(await verify()).toMatchObject({ ok: true, verified: 1 })
    expect(await verify({})).toMatchObject({ ok: true, unverifiable: 1 })
  })

  it('keeps the token of no other label either', async () => {
    const mine = await token('aa-agent+jwt')
    const others = await token('aa-person+jwt', { sub: 'dad-at-rs' })
    const sent = {
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'X-Other', `a ${others} b`],
    }
    const components = ['@method', '@authority', '@path', 'signature-key', 'x-other']
    await server.require('agent').check(await signed(mine, { components }, sent))
    await log.close()
    expect(readFileSync(file, 'utf8')).not.toContain(others.split('.')[1])
    expect(await verify()).toMatchObject({ ok: true, verified: 1 })
  })

  it('has persons’ tokens by hash alone without a secret; whoever has the token can still verify', async () => {
    await log.close()
    rmSync(file)
    rmSync(`${file}.heads`)
    log = createAuditLog({ file })
    server = testResource({ audit: log, signingKeys: [privateJwk], clock: () => time })
    const jwt = await token('aa-person+jwt')
    await server.require('person').check(await signed(jwt))
    await log.close()
    expect(await verify({})).toMatchObject({ ok: true, verified: 0, unverifiable: 1 })
    expect(await verify({ tokens: [jwt] })).toMatchObject({ ok: true, verified: 1, unverifiable: 0 })
  })

  it('keeps records of tokens that come back until a few are there, in their order, as they were decided', async () => {
    const jwt = await token('aa-agent+jwt')
    const route = server.require('agent')
    const ids: (string | undefined)[] = []
    const ask = async (sent: HttpRequest): Promise<void> => {
      ids.push(callIdOf(sent))
      await route.check(sent)
      // Whoever handles a request may change what it holds.
      ;(sent.rawHeaders as string[]).length = 0
    }
    for (let n = 0; n < 100; n++) {
      time += 1
      await ask(await signed(jwt))
      // One that does not wait is written after those that do.
      if (n % 40 === 5) await ask({ method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] })
    }
    expect(log.health()).toMatchObject({ records: 103, dropped: 0 })
    await log.close()
    expect(records().map(({ r }) => r.decision['id'])).toEqual(ids)
    const times = (records() as unknown as { r: { at: number } }[]).map(({ r }) => r.at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(new Set(times).size).toBe(100)
    expect(await verify()).toMatchObject({
      ok: true,
      records: 103,
      signatures: { ...none, verified: 100, unsigned: 3 },
    })
  })

  it('has the token in each file that records which waited come to (R-336)', async () => {
    start({ rotate: { seconds: 5 } })
    const jwt = await token('aa-agent+jwt')
    const route = server.require('agent')
    for (let n = 0; n < 7; n++) {
      for (let k = 0; k <= n; k++) await route.check(await signed(jwt))
      time += 5000
    }
    await log.close()
    expect(files().filter((name) => !name.endsWith('.heads'))).toHaveLength(7)
    expect(await verify()).toMatchObject({ ok: true, records: 28, signatures: { ...none, verified: 28 } })
  })

  it('finds any byte that is flipped', async () => {
    for (const typ of everybody) await call(typ)
    await log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })
    await call('aa-person+jwt')
    await call('aa-person+jwt', { exp: now - 1 })
    await log.close()
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

  it('goes on in new files by size, each with what it needs, and finds one that is missing', async () => {
    await log.close()
    start({ rotate: { bytes: 65_536 } })
    for (let n = 0; n < 300; n++) await call('aa-agent+jwt')
    await log.close()
    const rotated = files().filter((name) => !name.endsWith('.heads') && name !== file)
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
    expect((await without(file)).faults[0]).toMatchObject({ kind: 'missing' })
    const kept = await without(first, { earlierGone: true })
    expect(kept).toMatchObject({ ok: true, unverifiable: 0 })
    expect(await without(second, { earlierGone: true })).toMatchObject({ ok: false })
  })

  it('goes on in new files by time, and deletes the ones that were kept long enough (R-336)', async () => {
    await log.close()
    start({ rotate: { seconds: 3600 }, keep: { days: 1 } })
    for (let hour = 0; hour < 60; hour++) {
      await call(undefined)
      await log.flush()
      time += 3_600_000
    }
    await log.close()
    const rotated = files().filter((name) => !name.endsWith('.heads') && name !== file)
    expect(rotated).toHaveLength(25)
    expect(await verify()).toMatchObject({ ok: false })
    expect(await verify({ earlierGone: true })).toMatchObject({ ok: true, records: 26 })
  })

  it('goes on in the same file when it is opened again, with a chain of its own', async () => {
    await call('aa-agent+jwt')
    await log.close()
    const first = lines()
    start()
    await call('aa-agent+jwt')
    await log.close()
    expect(lines().slice(0, -1)).toEqual(first)
    expect(await verify()).toMatchObject({ ok: true, records: 2, verified: 2 })
    writeFileSync(file, `${lines().slice(1).join('\n')}\n`)
    expect((await verify()).faults.map(({ kind }) => kind)).toContain('missing')
  })

  it('leaves a line that was cut off where it is, and begins a new file', async () => {
    await call('aa-agent+jwt')
    await log.close()
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"r":{"v":1,`)
    start()
    await call('aa-agent+jwt')
    await log.close()
    expect(lines()).toHaveLength(1)
    const { faults, records } = await verify()
    expect(records).toBe(2)
    expect(faults.map(({ kind }) => kind)).toEqual(['torn', 'missing'].slice(0, faults.length))
  })

  it('erases all evidence of a person, and the chain verifies (R-336)', async () => {
    for (const typ of everybody) await call(typ)
    await call('aa-person+jwt', { sub: 'dad-at-rs', jti: 'token-2' })
    await log.flush()
    const before = lines()
    expect(await log.erase({ ps: 'https://ps.example', sub: 'mom-at-rs' })).toBe(2)
    expect(await log.erase({ ps: 'https://other.example', sub: 'dad-at-rs' })).toBe(0)
    await log.close()
    expect(records().map(({ p }) => p === null)).toEqual([false, false, true, true, false])
    expect(lines().map(({ length }) => length)).toEqual(before.map(({ length }) => length))
    expect(await verify()).toMatchObject({ ok: true, erased: 2, verified: 2 })
    // Without the signed statement it is no erasure.
    const heads = readFileSync(`${file}.heads`, 'utf8').split('\n')
    writeFileSync(`${file}.heads`, heads.slice(1).join('\n'))
    expect((await verify()).faults[0]).toMatchObject({ kind: 'altered', seq: 2 })
  })

  it('finds a person to erase under every key that the hashes had, and says where they may be lost (R-336)', async () => {
    await log.close()
    const keys = [privateJwk, newJwks().privateJwk, newJwks().privateJwk] as const
    const mom = { ps: 'https://ps.example', sub: 'mom-at-rs' }
    const warned = (): boolean =>
      (server as ReturnType<typeof testResource>).events.some(
        (event) => event.name === 'diagnostic' && event.code === 'AAUTH_SUBJECT_KEY',
      )
    const hashes = new Set<unknown>()
    const run = async (
      signingKeys: readonly object[],
      options: Partial<AuditLogOptions>,
      erases = false,
    ): Promise<number> => {
      log = createAuditLog({ file, ...options })
      server = testResource({ audit: log, signingKeys, clock: () => time })
      await call('aa-person+jwt')
      await log.flush()
      hashes.add(records().at(-1)?.p?.['person'])
      const erased = erases ? await log.erase(mom) : 0
      await log.close()
      return erased
    }
    const other = 'another secret of the auditors, which is gone'
    // A key is rotated; a secret comes, another, and then a key for the subjects.
    await run([keys[0]], {})
    expect(warned()).toBe(true)
    await run([keys[1], keys[0]], {})
    await run([keys[1]], { secret: other })
    expect(warned()).toBe(false)
    await run([keys[2]], { secret })
    await run([keys[2]], { secret, subjectKey: 'k'.repeat(32) })
    expect(hashes.size).toBe(5)
    // Two keys are gone.
    expect(await run([keys[2]], { secret, subjectKey: 'k'.repeat(32) }, true)).toBe(3)
    const formerSubjectKeys = [other, keys[0]['d'] as string]
    expect(await run([keys[1]], { secret, formerSubjectKeys }, true)).toBe(4)
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

  it('finds records that another has written, and statements that another has signed', async () => {
    for (const typ of everybody) await call(typ)
    await log.close()
    const good = lines()
    const swapped = [good[0], good[2], good[1], good[3]]
    writeFileSync(file, `${swapped.join('\n')}\n`)
    expect((await verify()).ok).toBe(false)
    writeFileSync(file, `${good.slice(0, -1).join('\n')}\n`)
    expect((await verify()).faults[0]).toMatchObject({
      kind: 'missing',
      detail: expect.stringContaining('from 3 on'),
    })
    writeFileSync(file, `${good.join('\n')}\n`)
    const others = importSigningJwk(newJwks().privateJwk).publicJwk
    const report = await verifyAuditLog(files(), [others], { secrets: [secret] })
    expect(report.faults[0]).toMatchObject({ kind: 'forged' })
  })

  it('tells at the start what is wrong', () => {
    expect(() => createAuditLog({})).toThrow(/needs file or sink/)
    expect(() => createAuditLog({ file, gather: 0 })).toThrow(/createAuditLog: gather/)
    expect(() => createAuditLog({ file, secret: 'short' })).toThrow(/createAuditLog: secret/)
    expect(() => createAuditLog({ file, formerSubjectKeys: ['short'] })).toThrow(/formerSubjectKeys/)
    const elsewhere = {
      publicJwk: { ...publicJwk, kid: 'far' },
      sign: () => Promise.resolve(new Uint8Array(64)),
    }
    expect(() => testResource({ audit: createAuditLog({ file }), signingKeys: [elsewhere] })).toThrow(
      /^option audit: needs subjectKey or secret/,
    )
    expect(() =>
      testResource({ audit: createAuditLog({ file, secret }), signingKeys: [elsewhere] }),
    ).not.toThrow()
    expect(() => testResource({ audit: createAuditLog({ file: '/nowhere/audit' }) })).toThrow(
      /cannot be opened/,
    )
    expect(() => testResource({ audit: createAuditLog({ file: '/dev/null' }) })).toThrow(/no regular file/)
    expect(() => testResource({ audit: log })).toThrow(/belongs to another/)
    // A log that would never be told of anything: another copy's, or one that was spread.
    expect(() => testResource({ audit: { ...log, flush: log.flush } as AuditLog })).toThrow(/^option audit/)
    expect(() => testResource({ audit: { file } as { subjects?: boolean } })).toThrow(/^option audit.file: /)
  })
})

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

describe('a log that cannot be written', () => {
  it('serves without a record with drop, says how many are missing, and tells once', async () => {
    const sink = new BrokenSink()
    start({ sink, buffer: 65_536, whenFull: 'drop' })
    sink.broken = true
    for (let n = 0; n < 200; n++) expect(await call('aa-agent+jwt')).toBe(true)
    await expect(log.flush()).rejects.toThrow('no space left')
    await expect(log.flush()).rejects.toThrow('no space left')
    const { dropped, ok } = log.health()
    expect(ok).toBe(false)
    expect(dropped).toBeGreaterThan(0)
    sink.broken = false
    await log.flush()
    await call('aa-agent+jwt')
    await log.close()
    expect(log.health()).toMatchObject({ ok: true, waiting: 0, dropped })
    expect(sink.lines).toHaveLength(201 - dropped)
    writeFileSync(file, `${[...sink.lines, ...sink.statements].join('\n')}\n`)
    expect(await verify()).toMatchObject({ ok: true, dropped, records: 201 - dropped })
    const names = (server as ReturnType<typeof testResource>).events.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('audit-'))).toEqual(['audit-failed', 'audit-recovered'])
  })

  it('lets no more wait than there is room for, the records that wait for each other among them', async () => {
    const sink = new BrokenSink()
    start({ sink, buffer: 65_536, whenFull: 'refuse', gather: 10_000 })
    sink.broken = true
    const jwt = await token('aa-agent+jwt')
    const route = server.require('agent')
    let served = 0
    // Nothing has been tried to be written yet: what refuses is half of the buffer alone.
    while ((await route.check(await signed(jwt))).served) served++
    const { waiting, records, ok } = log.health()
    expect(ok).toBe(true)
    expect(records).toBe(served + 1)
    expect(waiting).toBeGreaterThan(32_768)
    expect(waiting).toBeLessThan(32_768 + 2 * 2048)
    sink.broken = false
    await log.close()
  })

  it('refuses with refuse, but for revocations and documents, until it can be written again', async () => {
    const sink = new BrokenSink()
    start({ sink, whenFull: 'refuse' })
    sink.broken = true
    expect(await call('aa-agent+jwt')).toBe(true)
    await expect(log.flush()).rejects.toThrow('no space left')
    const outcome = await server.require('agent').check(await signed(await token('aa-agent+jwt')))
    expect(outcome).toMatchObject({ served: false, code: 'overloaded', answer: { status: 503 } })
    const ask = async (method: string, target: string): Promise<number | undefined> =>
      (await server.handle({ method, target, rawHeaders: ['Host', 'rs.example'] }))?.status
    expect(await ask('GET', '/.well-known/aauth-resource.json')).toBe(200)
    expect(await ask('GET', '/.well-known/jwks.json')).toBe(200)
    expect(await ask('POST', '/aauth/revoke')).toBe(401)
    expect(await ask('POST', '/aauth/authorize')).toBe(503)
    sink.broken = false
    await log.flush()
    expect(await call('aa-agent+jwt')).toBe(true)
    await log.close()
    expect(sink.lines).toHaveLength(7)
  })
})

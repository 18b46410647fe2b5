import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { newJwks } from '../testing/jwk.js'
import { now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { blank, sha256, splitLine, writeLine } from './line.js'
import { createAuditLog } from './log.js'
import type { AuditReport } from './report.js'
import { type AuditKeys, type AuditStatement, signStatement } from './statement.js'
import { auditTrail } from './trail.js'
import { verifyAuditLog } from './verify.js'

const secret = 'a secret of the auditors, and of nobody else'

/** A resource, its log, and the key that it signs it with. */
interface Logged {
  readonly resource: string
  readonly file: string
  readonly privateJwk: Record<string, unknown>
  readonly publicJwk: object
}

let folder: string
let shop: Logged
let mill: Logged
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'audit-resources-'))
  shop = await log('shop')
  mill = await log('mill')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What a resource has logged: three requests, and who it was for. */
async function log(name: string): Promise<Logged> {
  // Both call their keys alike.
  const privateJwk = { ...newJwks().privateJwk, kid: 'key-1' }
  const { publicJwk } = importSigningJwk(privateJwk)
  const resource = `https://${name}.example`
  const file = join(folder, `${name}.jsonl`)
  const audit = createAuditLog({ file, secret })
  const server = testResource({ resource, audit, signingKeys: [privateJwk], clock: () => now * 1000 })
  const request = { method: 'GET', target: '/data', rawHeaders: ['Host', `${name}.example`] }
  for (let n = 0; n < 3; n++) {
    const jwt = await token('aa-person+jwt', { aud: resource, jti: `${name}-${n}` })
    await server.require({ identity: 'any' }).check(await signed(jwt, {}, request))
  }
  await audit.close()
  return { resource, file, privateJwk, publicJwk }
}

const verify = (keys: AuditKeys): Promise<AuditReport> =>
  verifyAuditLog(
    [shop, mill].flatMap(({ file }) => [file, `${file}.heads`]),
    keys,
    { secrets: [secret] },
  )
const byResource = (): Map<string, readonly object[]> =>
  new Map([shop, mill].map(({ resource, publicJwk }) => [resource, [publicJwk]]))
const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)
const headOf = ({ file }: Logged): AuditStatement =>
  JSON.parse(
    Buffer.from(lines(`${file}.heads`)[0]?.split('.')[1] ?? '', 'base64url').toString(),
  ) as AuditStatement

describe('the logs of several resources', () => {
  it.each<[string, () => AuditKeys]>([
    ['in one list', () => [shop.publicJwk, mill.publicJwk]],
    ['in a map', byResource],
    ['in an object', () => Object.fromEntries(byResource())],
    [
      'as the key sets that the resources publish',
      () => Object.fromEntries([...byResource()].map(([resource, keys]) => [resource, { keys }])),
    ],
  ])('verify with their keys %s', async (_, keys) => {
    expect(await verify(keys())).toMatchObject({ ok: true, records: 6, unsigned: 0, faults: [] })
  })

  it('do not verify with each other’s keys', async () => {
    const swapped = new Map([
      [shop.resource, [mill.publicJwk]],
      [mill.resource, [shop.publicJwk]],
    ])
    const { faults, unsigned } = await verify(swapped)
    expect(faults.map(({ kind }) => kind)).toEqual(['forged', 'forged'])
    expect(unsigned).toBe(6)
    const { ok } = await verify({ [shop.resource]: [shop.publicJwk] })
    expect(ok).toBe(false)
  })

  /** The mill cuts the shop's log short, and signs that this is its end. */
  const cutShort = async (iss: string): Promise<void> => {
    const kept = lines(shop.file).slice(0, -1)
    writeFileSync(shop.file, `${kept.join('\n')}\n`)
    const { record = '' } = splitLine(kept.at(-1) as string) ?? {}
    const hash = sha256(record)
    const head = { ...headOf(shop), kind: 'head', iss, seq: kept.length - 1, hash } as AuditStatement
    writeFileSync(`${shop.file}.heads`, `${await signStatement(head, importSigningJwk(mill.privateJwk))}\n`)
  }

  it('are found out that another resource has cut short', async () => {
    await cutShort(shop.resource)
    const { faults, unsigned } = await verify(byResource())
    expect(faults).toMatchObject([{ kind: 'forged', file: `${shop.file}.heads` }])
    expect(unsigned).toBe(2)
    // What one list of keys cannot know.
    expect((await verify([shop.publicJwk, mill.publicJwk])).ok).toBe(true)
  })

  it('are found out that another resource has cut short in its own name, whatever the keys are given by', async () => {
    await cutShort(mill.resource)
    for (const keys of [byResource(), [shop.publicJwk, mill.publicJwk]]) {
      const { faults, unsigned } = await verify(keys)
      expect(faults).toMatchObject([
        {
          kind: 'forged',
          detail: `the head is of ${mill.resource}, and the records are of ${shop.resource}`,
        },
      ])
      expect(unsigned).toBe(2)
    }
  })

  it('lose no evidence that another resource says was erased', async () => {
    const all = lines(shop.file)
    const { record = '', evidence = '' } = splitLine(all[1] as string) ?? {}
    writeFileSync(
      shop.file,
      `${[all[0], writeLine(record, blank(evidence.length)).trimEnd(), all[2]].join('\n')}\n`,
    )
    const { chain } = headOf(shop)
    const erasure = { kind: 'erasure', iss: mill.resource, chain, seqs: [1], at: now * 1000 } as const
    const signedBy = await signStatement(erasure, importSigningJwk(mill.privateJwk))
    writeFileSync(`${shop.file}.heads`, `${lines(`${shop.file}.heads`).join('\n')}\n${signedBy}\n`)
    for (const keys of [byResource(), [shop.publicJwk, mill.publicJwk]])
      expect(await verify(keys)).toMatchObject({
        ok: false,
        erased: 0,
        faults: [{ kind: 'altered', seq: 1, detail: expect.stringContaining('no signed statement') }],
      })
  })

  it('are no chain together', async () => {
    const [first = '', ...rest] = lines(shop.file)
    const moved = first.replace(shop.resource, mill.resource)
    writeFileSync(shop.file, `${[moved, ...rest].join('\n')}\n`)
    const { faults } = await verify(byResource())
    expect(faults).toContainEqual(
      expect.objectContaining({
        kind: 'broken',
        detail: 'it is of another resource than the record before it',
      }),
    )
  })

  it('are not verified with what are no statements, whoever has signed them', async () => {
    const key = importSigningJwk(mill.privateJwk)
    const { chain } = headOf(mill)
    for (const wrong of [
      { kind: 'erasure', chain },
      { kind: 'erasure', chain, seqs: 'all' },
      { kind: 'head', chain, seq: 1.5, hash: 'x' },
      { kind: 'head', chain, seq: 1 },
      { kind: 'head', seq: 1, hash: 'x' },
      { kind: 'praise', chain },
    ]) {
      const statement = { iss: mill.resource, at: now * 1000, ...wrong } as unknown as AuditStatement
      writeFileSync(`${mill.file}.heads`, `${await signStatement(statement, key)}\n`)
      expect((await verify(byResource())).faults[0]).toMatchObject({ kind: 'forged' })
    }
  })
})

describe('keys that are none', () => {
  it.each<[string, unknown, string]>([
    [
      'a key set that is no resource’s',
      { keys: [] },
      'or such lists by resource: "keys" is no identifier of a resource',
    ],
    ['an address', { 'https://shop.example/': [] }, '"https://shop.example/" is no identifier of a resource'],
    [
      'no list',
      { 'https://shop.example': {} },
      'keys of https://shop.example: must be a list of public JWKs',
    ],
    [
      'nothing of a resource',
      new Map([['https://shop.example', null]]),
      'keys of https://shop.example: must be',
    ],
    ['a key that is none', { 'https://shop.example': [{}] }, 'keys of https://shop.example: '],
    ['a text', 'keys', 'keys: must be a list'],
    ['nothing', undefined, 'keys: must be a list'],
  ])('are told apart: %s', async (_, keys, says) => {
    const verified = verify(keys as AuditKeys)
    await expect(verified).rejects.toThrow(TypeError)
    await expect(verified).rejects.toThrow(says)
  })
})

describe('files that are none', () => {
  it.each<[unknown]>([[[]], ['audit.jsonl'], [undefined], [[undefined]], [new Set(['audit.jsonl'])]])(
    'are no log in order: %o',
    async (files) => {
      const says = 'files: must be a list of paths, of one at least'
      await expect(verifyAuditLog(files as string[], [])).rejects.toThrow(new TypeError(says))
      await expect(auditTrail(files as string[], { id: 'x' })).rejects.toThrow(new TypeError(says))
    },
  )
})

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { type AuditLog, createAuditLog } from '../audit/log.js'
import type { AuditLogOptions } from '../audit/options.js'
import type { AuditReport } from '../audit/report.js'
import { type VerifyAuditOptions, verifyAuditLog } from '../audit/verify.js'
import { importSigningJwk } from '../crypto/keys.js'
import type { HttpRequest } from '../http/message.js'
import { newJwks } from './jwk.js'
import { now, signed, token } from './party.js'
import { testResource } from './resource.js'

export const secret = 'a secret of the auditors, and of nobody else'
export const { privateJwk } = newJwks()
export const { publicJwk } = importSigningJwk(privateJwk)

export type Typ = Parameters<typeof token>[0]

/** One caller of each kind, and one that sends no signature. */
export const everybody: (Typ | undefined)[] = [undefined, 'aa-agent+jwt', 'aa-person+jwt', 'aa-auth+jwt']

/** The counts of an audit report over no signature at all. */
export const noSignatures = {
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

interface StoredRecord {
  readonly r: { readonly at: number; readonly decision: Record<string, unknown> }
  readonly p?: Record<string, unknown>
}

/** A resource server with an audit log in a folder of its own. */
class AuditedServer {
  folder = ''
  file = ''
  /** Milliseconds since 1970, as the server's clock has it. */
  time = 0
  log!: AuditLog
  server!: ReturnType<typeof testResource>

  readonly start = (options: Partial<AuditLogOptions> = {}): void => {
    this.log = createAuditLog({ ...('sink' in options ? {} : { file: this.file }), secret, ...options })
    this.server = testResource({ audit: this.log, signingKeys: [privateJwk], clock: () => this.time })
  }

  /** Makes one request to a route that requires what a token of this type gives. @returns whether it was served */
  readonly call = async (
    typ: Typ | undefined,
    changes: object = {},
    request?: HttpRequest,
  ): Promise<boolean> => {
    const route = this.server.require(typ === 'aa-auth+jwt' ? { scope: 'data.read' } : { identity: 'any' })
    const unsigned = request ?? { method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] }
    const sent = typ === undefined ? unsigned : await signed(await token(typ, changes), {}, unsigned)
    const outcome = await route.check(sent)
    return outcome.served
  }

  readonly files = (): string[] => readdirSync(this.folder).map((name) => join(this.folder, name))
  readonly lines = (): string[] => readFileSync(this.file, 'utf8').split('\n').slice(0, -1)
  readonly records = (): StoredRecord[] => this.lines().map((line) => JSON.parse(line))

  readonly verify = (options: VerifyAuditOptions = { secrets: [secret] }): Promise<AuditReport> =>
    verifyAuditLog(this.files(), [publicJwk], options)

  /** The outcome and the signature of each record, in order; and that the report counts them so. */
  readonly fared = async (options: VerifyAuditOptions = { secrets: [secret] }): Promise<string[]> => {
    const found: string[] = []
    const report = await verifyAuditLog([this.file], [publicJwk], {
      ...options,
      onRecord: ({ line, seq, outcome, signature }) => {
        expect([line, seq]).toEqual([found.length + 1, found.length])
        found.push(`${outcome} ${signature}`)
      },
    })
    const counts: Record<string, number> = { ...noSignatures }
    for (const text of found) {
      const [, signature = ''] = text.split(' ')
      counts[signature] = (counts[signature] ?? 0) + 1
    }
    expect(report.signatures).toEqual(counts)
    return found
  }
}

/** A server with an audit log, begun anew for each test of a file. */
export function auditedServer(): AuditedServer {
  const run = new AuditedServer()
  beforeEach(() => {
    run.folder = mkdtempSync(join(tmpdir(), 'audit-'))
    run.file = join(run.folder, 'audit.jsonl')
    run.time = now * 1000
    run.start()
  })
  afterEach(async () => {
    await run.log.close().catch(() => {})
    rmSync(run.folder, { recursive: true, force: true })
  })
  return run
}

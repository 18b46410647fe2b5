import { LRUCache } from 'lru-cache'
import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import { type CompactJws, decodeJws, isSignedFor } from '../token/jws.js'
import { createCipher } from './cipher.js'
import { isBlank, sha256, splitLine } from './line.js'
import { linesOf } from './lines.js'
import type { Evidence, HiddenValue } from './record.js'
import { type ErasureStatement, type HeadStatement, readKeys, readStatement } from './statement.js'

/** What is wrong in a log. */
export interface AuditFault {
  /**
   * `unreadable`: the line is none of a log; `torn`: it is cut off, as after a power cut. `altered`: its evidence is not
   * what it was. `broken`: a record does not follow the one before it. `missing`: records are gone. `forged`: a statement is
   * not signed by a given key, or says something else than the records. `signature`: what was verified then does not verify
   * now.
   */
  readonly kind: 'unreadable' | 'torn' | 'altered' | 'broken' | 'missing' | 'forged' | 'signature'
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain?: string
  readonly seq?: number
  readonly detail: string
}

/** What {@link verifyAuditLog} has found. */
export interface AuditReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean
  /** What is wrong, the first first; at most 100. */
  readonly faults: readonly AuditFault[]
  readonly records: number
  /** Records of requests whose signature and token have verified once more. */
  readonly verified: number
  /** Records of requests that could not be verified once more: what was signed is there by its hash only. */
  readonly unverifiable: number
  /** Records whose evidence was erased, as a signed statement says. */
  readonly erased: number
  /** Records after the last signed head of their chain: nothing but the chain holds them. */
  readonly unsigned: number
  /** Records that the log itself says are missing, since it could not be written. */
  readonly dropped: number
}

/** Options of {@link verifyAuditLog}. */
export interface VerifyAuditOptions {
  /** The secrets of the log, with which it was created. */
  readonly secrets?: readonly string[]
  /** Tokens that were presented, where the log has them by hash only. */
  readonly tokens?: readonly string[]
  /** Whether files at the beginning are gone rightly, since they were kept long enough. Default `false`. */
  readonly earlierGone?: boolean
}

/** A part of a chain that stands in one file. */
interface Segment {
  readonly chain: string
  readonly file: string
  readonly line: number
  readonly first: number
  readonly prev: string | undefined
  last: number
  hash: string
  lastLine: number
}

interface RecordText {
  readonly chain: string
  readonly seq: number
  readonly prev?: string
  readonly evidence?: string
  readonly missing?: number
  /** Absent of a call onward, of which only the tokens are named. */
  readonly decision?: { readonly caller?: string; readonly method?: string; readonly ps?: string }
}

type Presented = Evidence & { readonly iss?: string; readonly jti?: string; readonly jkt?: string }

/**
 * Verifies a log offline: that every record follows the one before it, that none is missing up to the last signed head,
 * that the heads are signed by the resource, and that every signature and token verifies once more.
 *
 * @param files the paths of the files, in any order, the ones with signed statements (`.heads`) among them
 * @param keys the public keys of the resources, as JWK: those of their key sets, and older ones
 * @throws Error where a file cannot be read, TypeError for a key that cannot be used
 *
 * @example
 * ```ts
 * import { verifyAuditLog } from '@countersign/core/audit'
 *
 * const { keys } = (await (await fetch('https://notes.example/.well-known/jwks.json')).json()) as { keys: object[] }
 * const report = await verifyAuditLog(['audit.jsonl', 'audit.jsonl.heads'], keys)
 * console.log(report.ok ? `${report.records} records` : report.faults[0])
 * ```
 */
export async function verifyAuditLog(
  files: readonly string[],
  keys: readonly object[],
  options: VerifyAuditOptions = {},
): Promise<AuditReport> {
  const check = new Check(readKeys(keys), options)
  // Statements and tokens may stand anywhere; what they are needed for is looked at then.
  for (const file of files) await check.gather(file)
  for (const file of files) await check.walk(file)
  return check.conclude()
}

const mostFaults = 100

class Check {
  readonly #keys: ReturnType<typeof readKeys>
  readonly #options: VerifyAuditOptions
  readonly #faults: AuditFault[] = []
  readonly #segments = new Map<string, Segment[]>()
  readonly #heads = new Map<string, (HeadStatement & { readonly file: string; readonly line: number })[]>()
  readonly #erased = new Map<string, Set<number>>()
  /** Hashes of the records that heads name, and that the first records of chains follow. */
  readonly #wanted = new Map<string, boolean>()
  readonly #signatures: SignatureCheck
  readonly #counts = { records: 0, verified: 0, unverifiable: 0, erased: 0, dropped: 0 }
  /** The hash of each record that a head names. */
  readonly #hashes = new Map<string, string>()

  constructor(keys: ReturnType<typeof readKeys>, options: VerifyAuditOptions) {
    this.#keys = keys
    this.#options = options
    this.#signatures = new SignatureCheck(options)
  }

  async gather(file: string): Promise<void> {
    for await (const { text, number, ended } of linesOf(file)) {
      if (!ended) this.#fault({ kind: 'torn', file, line: number, detail: 'the last line is cut off' })
      if (text.startsWith('{')) {
        this.#signatures.gather(text)
        const parts = splitLine(text)
        const prev = /^\{"v":1,"resource":"[^"]*","chain":"[^"]*","seq":0,"prev":"([^"]*)"/.exec(
          parts?.record ?? '',
        )?.[1]
        if (prev !== undefined) this.#wanted.set(prev, false)
        continue
      }
      if (!ended) continue
      const statement = readStatement(text, this.#keys)
      if (typeof statement === 'string') {
        const isStatement = text.startsWith('ey')
        this.#fault({
          kind: isStatement ? 'forged' : 'unreadable',
          file,
          line: number,
          detail: isStatement ? `the statement ${statement}` : 'is neither a record nor a statement',
        })
      } else if (statement.kind === 'head') {
        const heads = this.#heads.get(statement.chain) ?? []
        heads.push({ ...statement, file, line: number })
        this.#heads.set(statement.chain, heads)
        this.#hashes.set(`${statement.chain} ${statement.seq}`, '')
      } else this.#noteErasure(statement)
    }
  }

  async walk(file: string): Promise<void> {
    const segments = new Map<string, Segment>()
    for await (const { text, number, ended } of linesOf(file)) {
      if (!text.startsWith('{') || !ended) continue
      const parts = splitLine(text)
      const record = parts === undefined ? undefined : parse<RecordText>(parts.record)
      if (parts === undefined || record === undefined || !isRecord(record)) {
        this.#fault({ kind: 'unreadable', file, line: number, detail: 'the line is no record' })
        continue
      }
      this.#counts.records++
      this.#counts.dropped += record.missing ?? 0
      const hash = sha256(parts.record)
      if (this.#wanted.has(hash)) this.#wanted.set(hash, true)
      const name = `${record.chain} ${record.seq}`
      if (this.#hashes.has(name)) this.#hashes.set(name, hash)
      this.#follow(segments, record, hash, file, number)
      this.#checkEvidence(record, parts.evidence, file, number)
    }
  }

  conclude(): AuditReport {
    let unsigned = 0
    for (const [chain, segments] of this.#segments) unsigned += this.#joinSegments(chain, segments)
    for (const [chain, heads] of this.#heads) for (const head of heads) this.#checkHead(chain, head)
    const faults = [...this.#faults]
    return { ok: faults.length === 0, faults, ...this.#counts, unsigned }
  }

  #noteErasure({ chain, seqs }: ErasureStatement): void {
    const known = this.#erased.get(chain) ?? new Set()
    for (const seq of seqs) known.add(seq)
    this.#erased.set(chain, known)
  }

  /** A record follows the one before it in its file. */
  #follow(
    segments: Map<string, Segment>,
    { chain, seq, prev }: RecordText,
    hash: string,
    file: string,
    line: number,
  ): void {
    const segment = segments.get(chain)
    if (segment === undefined) {
      const begun = { chain, file, line, first: seq, prev, last: seq, hash, lastLine: line }
      segments.set(chain, begun)
      const all = this.#segments.get(chain) ?? []
      all.push(begun)
      this.#segments.set(chain, all)
      return
    }
    if (seq > segment.last + 1) {
      const detail = `${seq - segment.last - 1} records are gone before it`
      this.#fault({ kind: 'missing', file, line, chain, seq, detail })
    } else if (seq !== segment.last + 1 || prev !== segment.hash)
      this.#fault({
        kind: 'broken',
        file,
        line,
        chain,
        seq,
        detail: 'it does not follow the record before it',
      })
    segment.last = seq
    segment.hash = hash
    segment.lastLine = line
  }

  /** Joins the parts of a chain over its files. @returns how many records no head holds */
  #joinSegments(chain: string, segments: readonly Segment[]): number {
    const sorted = [...segments].sort((a, b) => a.first - b.first)
    let before: Segment | undefined
    for (const segment of sorted) {
      const { file, line, first, prev } = segment
      const at = { file, line, chain, seq: first }
      if (before === undefined) {
        const gone = first > 0 ? `${first} records are gone before it` : this.#beforeChain(prev)
        if (gone !== undefined && this.#options.earlierGone !== true)
          this.#fault({ ...at, kind: 'missing', detail: gone })
      } else if (first > before.last + 1)
        this.#fault({
          ...at,
          kind: 'missing',
          detail: `${first - before.last - 1} records are gone before it`,
        })
      else if (first !== before.last + 1 || prev !== before.hash)
        this.#fault({ ...at, kind: 'broken', detail: 'it does not follow the record before it' })
      before = segment
    }
    const last = before?.last ?? -1
    const headed = (this.#heads.get(chain) ?? []).reduce((most, { seq }) => Math.max(most, seq), -1)
    return Math.max(0, last - Math.max(headed, (sorted[0]?.first ?? 0) - 1))
  }

  #beforeChain(prev: string | undefined): string | undefined {
    return prev === undefined || this.#wanted.get(prev) === true
      ? undefined
      : 'the records of another process are gone that were there when this one began'
  }

  #checkHead(chain: string, head: HeadStatement & { readonly file: string; readonly line: number }): void {
    const { file, line, seq, hash, closed } = head
    const segments = this.#segments.get(chain) ?? []
    const last = segments.reduce((most, segment) => Math.max(most, segment.last), -1)
    const first = segments.reduce(
      (least, segment) => Math.min(least, segment.first),
      Number.POSITIVE_INFINITY,
    )
    const at = { file, line, chain, seq }
    const found = this.#hashes.get(`${chain} ${seq}`)
    if (found === hash) {
      if (closed && last > seq)
        this.#fault({ ...at, kind: 'forged', detail: `the chain was closed with it, and goes on to ${last}` })
    } else if (found !== '')
      this.#fault({ ...at, kind: 'forged', detail: 'the record is not the one that the head was signed for' })
    else if (seq > last && (first < seq || this.#options.earlierGone !== true))
      this.#fault({
        ...at,
        kind: 'missing',
        detail: `the records up to the signed head are gone, from ${last + 1} on`,
      })
    else if (this.#options.earlierGone !== true || seq > first)
      this.#fault({ ...at, kind: 'missing', detail: 'the record that the head was signed for is gone' })
  }

  #checkEvidence(record: RecordText, evidence: string | undefined, file: string, line: number): void {
    const { chain, seq } = record
    const at = { file, line, chain, seq }
    const altered = (detail: string): void => this.#fault({ ...at, kind: 'altered', detail })
    if (evidence === undefined) {
      if (record.evidence !== undefined) altered('its evidence is gone')
      return
    }
    if (isBlank(evidence)) {
      if (this.#erased.get(chain)?.has(seq) === true) this.#counts.erased++
      else altered('its evidence was erased, and no signed statement says so')
      return
    }
    if (sha256(evidence) !== record.evidence) {
      altered('its evidence is not what it was')
      return
    }
    const parsed = parse<Presented>(evidence)
    const found = parsed === undefined ? 'is no JSON' : this.#signatures.check(parsed, record.decision ?? {})
    if (found === 'verified') this.#counts.verified++
    else if (found === 'unverifiable') this.#counts.unverifiable++
    else if (found !== undefined) this.#fault({ ...at, kind: 'signature', detail: found })
  }

  #fault(fault: AuditFault): void {
    if (this.#faults.length < mostFaults) this.#faults.push(fault)
  }
}

function isRecord({ chain, seq, prev, decision }: Partial<RecordText>): boolean {
  return (
    typeof chain === 'string' &&
    Number.isSafeInteger(seq) &&
    (seq as number) >= 0 &&
    (prev === undefined || typeof prev === 'string') &&
    (decision === undefined || (typeof decision === 'object' && decision !== null))
  )
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

/** A token whose own signature has been looked at once more. */
interface CheckedToken {
  readonly key: VerificationKey
  readonly claims: CompactJws['payload']
}

/** Verifies signatures once more. */
class SignatureCheck {
  readonly #ciphers: readonly ReturnType<typeof createCipher>[]
  /** Tokens and other values by their hash. */
  readonly #given = new Map<string, string>()
  /** Where a token stands in the log with its issuer's key. */
  readonly #evidence = new Map<string, Evidence['token']>()
  readonly #tokens = new LRUCache<string, CheckedToken | { readonly fault: string }>({ max: 10_000 })

  constructor({ secrets = [], tokens = [] }: VerifyAuditOptions) {
    this.#ciphers = secrets.map(createCipher)
    for (const token of tokens) this.#given.set(sha256(token), token)
  }

  /** Notes a token where it stands with its issuer's key. */
  gather(line: string): void {
    if (!line.includes('"token":{"h":"') || !line.includes('"key":{')) return
    const evidence = parse<Evidence | null>(splitLine(line)?.evidence ?? 'null')
    const token = evidence?.token
    if (token !== undefined) this.#evidence.set(token.h, token)
  }

  /** `undefined`: nothing was verified then. Otherwise it is told in words what does not verify. */
  check(
    evidence: Presented,
    { caller, method, ps }: NonNullable<RecordText['decision']>,
  ): 'verified' | 'unverifiable' | string | undefined {
    if (caller === 'nobody' || caller === 'unverified' || evidence.signature === undefined) return undefined
    const known = this.#keyOf(evidence)
    if (known === undefined || typeof known === 'string') return known ?? 'unverifiable'
    const base = this.#baseOf(evidence)
    if (base === undefined) return 'unverifiable'
    const { algorithm, key, jkt } = known.key
    const signature = Buffer.from(evidence.signature, 'base64url')
    if (
      signature.length !== algorithm.signatureBytes ||
      !algorithm.verify(key, Buffer.from(base, 'latin1'), signature)
    )
      return 'the signature of the request does not verify'
    const { claims } = known
    if (evidence.jkt !== undefined && evidence.jkt !== jkt) return 'it was signed with another key'
    if (claims !== undefined && (claims['iss'] !== evidence.iss || claims['jti'] !== evidence.jti))
      return 'another token was presented'
    if (claims !== undefined && ps !== undefined && claims['ps'] !== undefined && claims['ps'] !== ps)
      return 'the token is of another person server'
    if (!base.includes(`"@method": ${method}\n`)) return 'another method was signed'
    return 'verified'
  }

  #keyOf({
    token,
    key,
  }: Evidence):
    | { readonly key: VerificationKey; readonly claims?: CheckedToken['claims'] }
    | string
    | undefined {
    if (token === undefined) {
      const imported = importPublicJwk(key)
      return imported instanceof KeyFault ? undefined : { key: imported }
    }
    const checked = this.#tokens.get(token.h) ?? this.#checkToken(token.h)
    if (checked === undefined) return undefined
    this.#tokens.set(token.h, checked)
    return 'fault' in checked ? checked.fault : checked
  }

  #checkToken(hash: string): CheckedToken | { readonly fault: string } | undefined {
    const evidence = this.#evidence.get(hash)
    const jwt =
      evidence?.jwt ?? this.#open({ h: hash, ...(evidence?.s === undefined ? {} : { s: evidence.s }) })
    const issuer = importPublicJwk(evidence?.key)
    if (jwt === undefined || issuer instanceof KeyFault) return undefined
    const jws = sha256(jwt) === hash ? decodeJws(jwt, 10_000) : undefined
    if (jws === undefined) return { fault: 'the token is not the one that was presented' }
    const { algorithm, key } = issuer
    if (
      !isSignedFor(jws, issuer) ||
      jws.signature.length !== algorithm.signatureBytes ||
      !algorithm.verify(key, jws.signingInput, jws.signature)
    )
      return { fault: 'the token does not verify under the key of its issuer' }
    const confirmation = importPublicJwk((jws.payload['cnf'] as { readonly jwk?: unknown } | undefined)?.jwk)
    return confirmation instanceof KeyFault
      ? { fault: `the token’s key: ${confirmation.detail}` }
      : { key: confirmation, claims: jws.payload }
  }

  #baseOf({ base, token }: Evidence): string | undefined {
    if (base === undefined) return undefined
    let text = ''
    for (const piece of base) {
      const isToken = typeof piece !== 'string' && piece.h === token?.h
      const value =
        typeof piece === 'string'
          ? piece
          : this.#open(isToken ? (this.#evidence.get(piece.h) ?? piece) : piece)
      if (value === undefined) return undefined
      text += value
    }
    return text
  }

  #open({ h, s, jwt }: HiddenValue & { readonly jwt?: string }): string | undefined {
    if (jwt !== undefined) return jwt
    const given = this.#given.get(h)
    if (given !== undefined || s === undefined) return given
    for (const cipher of this.#ciphers) {
      const value = cipher.open(s)
      if (value !== undefined && sha256(value) === h) return value
    }
    return undefined
  }
}

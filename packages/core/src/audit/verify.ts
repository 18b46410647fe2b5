import { isBlank, sha256, splitLine } from './line.js'
import { linesOf } from './lines.js'
import { type AuditedSignature, type DecidedOn, type Presented, parse, SignatureCheck } from './signatures.js'
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

/** One record, as {@link verifyAuditLog} has found it. */
export interface AuditedRecord {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain: string
  readonly seq: number
  /** The outcome of its decision; absent of a call of a handler. */
  readonly outcome?: string
  readonly signature: AuditedSignature
}

/** What {@link verifyAuditLog} has found. */
export interface AuditReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean
  /** What is wrong, the first first; at most 100. */
  readonly faults: readonly AuditFault[]
  readonly records: number
  /** How many records fared how; `onRecord` tells of each. */
  readonly signatures: Readonly<Record<AuditedSignature, number>>
  /** Records of requests whose signature and token have verified once more. */
  readonly verified: number
  /** Records of signed requests that could not be verified once more: `token-missing`, `key-missing` and `base-missing`. */
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
  /** Is told of each record in turn. */
  readonly onRecord?: (record: AuditedRecord) => void
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
  readonly decision?: DecidedOn & { readonly outcome?: string }
}

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
  readonly #counts = { records: 0, dropped: 0 }
  readonly #fared: Record<AuditedSignature, number> = {
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
  /** The hash of each record that a head names. */
  readonly #hashes = new Map<string, string>()

  constructor(keys: ReturnType<typeof readKeys>, options: VerifyAuditOptions) {
    this.#keys = keys
    this.#options = options
    this.#signatures = new SignatureCheck(options.secrets ?? [], options.tokens ?? [])
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
      const signature = this.#checkEvidence(record, parts.evidence, file, number)
      this.#fared[signature]++
      const { chain, seq, decision } = record
      const outcome = typeof decision?.outcome === 'string' ? { outcome: decision.outcome } : {}
      this.#options.onRecord?.({ file, line: number, chain, seq, ...outcome, signature })
    }
  }

  conclude(): AuditReport {
    let unsigned = 0
    for (const [chain, segments] of this.#segments) unsigned += this.#joinSegments(chain, segments)
    for (const [chain, heads] of this.#heads) for (const head of heads) this.#checkHead(chain, head)
    const faults = [...this.#faults]
    const signatures = { ...this.#fared }
    const { verified } = signatures
    const unverifiable = signatures['token-missing'] + signatures['key-missing'] + signatures['base-missing']
    return {
      ok: faults.length === 0,
      faults,
      ...this.#counts,
      signatures,
      verified,
      unverifiable,
      erased: signatures.erased,
      unsigned,
    }
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

  #checkEvidence(
    record: RecordText,
    evidence: string | undefined,
    file: string,
    line: number,
  ): AuditedSignature {
    const { chain, seq, decision } = record
    const at = { file, line, chain, seq }
    const altered = (detail: string): AuditedSignature => {
      this.#fault({ ...at, kind: 'altered', detail })
      return 'altered'
    }
    if (evidence === undefined) {
      if (record.evidence !== undefined) return altered('its evidence is gone')
      return decision?.caller === 'nobody' ? 'unsigned' : 'unread'
    }
    if (isBlank(evidence))
      return this.#erased.get(chain)?.has(seq) === true
        ? 'erased'
        : altered('its evidence was erased, and no signed statement says so')
    if (sha256(evidence) !== record.evidence) return altered('its evidence is not what it was')
    const parsed = parse<Presented>(evidence)
    const found =
      parsed === undefined ? { fault: 'is no JSON' } : this.#signatures.check(parsed, decision ?? {})
    if (typeof found === 'string') return found
    this.#fault({ ...at, kind: 'signature', detail: found.fault })
    return 'failed'
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

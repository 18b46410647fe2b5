import { Chains, type Segment } from './chains.js'
import { isBlank, sha256, splitLine } from './line.js'
import { checkFiles, linesOf } from './lines.js'
import type { AuditedRecord, AuditFault, AuditReport } from './report.js'
import { type AuditedSignature, type DecidedOn, type Presented, parse, SignatureCheck } from './signatures.js'
import { type AuditKeys, type ErasureStatement, type FindKeys, readKeys, readStatement } from './statement.js'

/** Options of {@link verifyAuditLog}. */
export interface VerifyAuditOptions {
  /** The secrets with which the log was created. */
  readonly secrets?: readonly string[]
  /** Presented tokens of which the log has only the hashes. */
  readonly tokens?: readonly string[]
  /** Whether the first files may be missing because they were deleted on schedule. Default `false`. */
  readonly earlierGone?: boolean
  /** Called for each record in turn. */
  readonly onRecord?: (record: AuditedRecord) => void
}

interface RecordText {
  readonly resource: string
  readonly chain: string
  readonly seq: number
  readonly prev?: string
  readonly evidence?: string
  readonly missing?: number
  /** Absent for a call to a supplier, of which only the tokens are recorded. */
  readonly decision?: DecidedOn & { readonly outcome?: string }
}

/**
 * Verifies a log offline: that every record follows the one before it, that none is missing up to the last signed
 * head, that the resource signed the heads, and that every signature and token verifies again.
 *
 * @param files the paths of the files, in any order, including those with signed statements (`.heads`)
 * @param keys the public keys of the resource as JWKs: those of its key set, and older ones. For the logs of several
 * resources: such lists, or key sets, by resource. In one list, each resource could have signed for the others
 * @throws Error when a file cannot be read, TypeError for no files, an unusable key, or an invalid resource
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
  keys: AuditKeys,
  options: VerifyAuditOptions = {},
): Promise<AuditReport> {
  checkFiles(files)
  const check = new Check(readKeys(keys), options)
  // Statements and tokens may be anywhere, so they are collected first.
  for (const file of files) await check.gather(file)
  for (const file of files) await check.walk(file)
  return check.conclude()
}

const mostFaults = 100

class Check {
  readonly #keys: FindKeys
  readonly #options: VerifyAuditOptions
  readonly #faults: AuditFault[] = []
  readonly #chains: Chains
  readonly #erased = new Map<string, Set<number>>()
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

  constructor(keys: FindKeys, options: VerifyAuditOptions) {
    this.#keys = keys
    this.#options = options
    this.#chains = new Chains((fault) => this.#fault(fault), options.earlierGone === true)
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
        if (prev !== undefined) this.#chains.want(prev)
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
      } else if (statement.kind === 'head') this.#chains.noteHead(statement, file, number)
      else this.#noteErasure(statement)
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
      this.#chains.follow(segments, record, hash, file, number)
      const signature = this.#checkEvidence(record, parts.evidence, file, number)
      this.#fared[signature]++
      const { chain, seq, decision } = record
      const outcome = typeof decision?.outcome === 'string' ? { outcome: decision.outcome } : {}
      this.#options.onRecord?.({ file, line: number, chain, seq, ...outcome, signature })
    }
  }

  conclude(): AuditReport {
    const unsigned = this.#chains.conclude()
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

  #noteErasure({ iss, chain, seqs }: ErasureStatement): void {
    const name = `${iss} ${chain}`
    const known = this.#erased.get(name) ?? new Set()
    for (const seq of seqs) known.add(seq)
    this.#erased.set(name, known)
  }

  #checkEvidence(
    record: RecordText,
    evidence: string | undefined,
    file: string,
    line: number,
  ): AuditedSignature {
    const { resource, chain, seq, decision } = record
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
      return this.#erased.get(`${resource} ${chain}`)?.has(seq) === true
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

function isRecord({ resource, chain, seq, prev, decision }: Partial<RecordText>): boolean {
  return (
    typeof resource === 'string' &&
    typeof chain === 'string' &&
    Number.isSafeInteger(seq) &&
    (seq as number) >= 0 &&
    (prev === undefined || typeof prev === 'string') &&
    (decision === undefined || (typeof decision === 'object' && decision !== null))
  )
}

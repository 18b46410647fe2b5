import { randomBytes } from 'node:crypto'
import type { Caller, PersonIdentifier } from '../caller.js'
import type { SigningKey } from '../crypto/keys.js'
import type { Diagnose } from '../diagnostics.js'
import { messageOf } from '../errors.js'
import type { AuditEvent, DecisionEvent, OnwardEvent, Untold } from '../events.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { ReadSignature } from '../signature/read.js'
import { createCipher } from './cipher.js'
import { salt, sha256, splitLine, writeLine } from './line.js'
import { isVerified, type Named, ofCaller, ofRequest } from './members.js'
import type { AuditSettings } from './options.js'
import { EvidenceWriter } from './record.js'
import type { AuditSink } from './sink.js'
import { signStatement } from './statement.js'
import { type ChainEnd, Writer } from './writer.js'

/** The hashes that stand for persons. */
export interface PersonHashes {
  /** The one of now. */
  hashOf(person: PersonIdentifier): string
  /** All that there have been, as far as their keys are known. */
  hashesOf(person: PersonIdentifier): ReadonlySet<string>
  /** Where their key comes from; `process`: each process has made its own. */
  readonly keyedBy: 'subjectKey' | 'secret' | 'signingKeys' | 'process'
}

/** What a log is told by the resource server that it belongs to. */
export interface AuditContext {
  readonly resource: string
  readonly issuers: Pick<IssuerKeys, 'peek'>
  /** The key that signs now. */
  readonly key: () => SigningKey | undefined
  readonly subjects: PersonHashes
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  readonly report: (event: Untold<AuditEvent>) => void
  readonly diagnose: Diagnose
}

/** A log that belongs to a resource server. */
export class RunningLog {
  readonly writer: Writer
  records = 0
  dropped = 0
  readonly #sink: AuditSink
  readonly #settings: AuditSettings
  readonly #context: AuditContext
  readonly #evidence: EvidenceWriter
  readonly #callers = new WeakMap<Caller, Named>()
  readonly #chain = randomBytes(9).toString('base64url')
  readonly #resource: string
  #end: ChainEnd | undefined
  #fileBytes: number
  #fileBegan: number
  /** Whether a new file begins with the next record. */
  #rotates = false
  /** Records dropped since the last one that was taken. */
  #missing = 0

  constructor(sink: AuditSink, settings: AuditSettings, context: AuditContext) {
    const { secret, gather, headEvery } = settings
    this.#sink = sink
    this.#settings = settings
    this.#context = context
    this.#resource = JSON.stringify(context.resource)
    this.#evidence = new EvidenceWriter(
      secret === undefined ? undefined : createCipher(secret),
      context.issuers,
      context.subjects.hashOf,
    )
    this.#fileBytes = sink.bytes ?? 0
    this.#fileBegan = context.monotonic()
    this.writer = new Writer({
      sink,
      gather,
      headEvery,
      monotonic: context.monotonic,
      head: ({ seq, hash }, closed) => this.#sign({ kind: 'head', seq, hash, closed }),
      failed: (cause) => this.#tellFailed(cause),
      recovered: (milliseconds) =>
        context.report({ name: 'audit-recovered', milliseconds, dropped: this.dropped }),
    })
  }

  #tellFailed(cause: unknown): void {
    const { whenFull } = this.#settings
    this.#context.report({ name: 'audit-failed', reason: messageOf(cause), whenFull })
  }

  get isRefusing(): boolean {
    const { whenFull, buffer } = this.#settings
    // Room is left for the requests that have been let in already.
    return whenFull === 'refuse' && (this.writer.isFailing || this.writer.bytes > buffer / 2)
  }

  record(decision: DecisionEvent, read: ReadSignature | undefined, caller: Caller | undefined): void {
    this.#keep(() => {
      this.#begin()
      const named = this.#named(decision, caller)
      const isSigned = read !== undefined || decision.jkt !== undefined
      const proof =
        read === undefined ? `"salt":"${salt()}"` : this.#evidence.write(read, isVerified(decision))
      const evidence = isSigned ? `{${proof}${named.evidence}}` : undefined
      this.#add(decision.at, `"decision":{${ofRequest(decision)}${named.decision}}`, evidence)
    })
  }

  /** The members that the caller says; a token that is remembered has the same caller each time. */
  #named(decision: DecisionEvent, caller: Caller | undefined): Named {
    const known = caller === undefined ? undefined : this.#callers.get(caller)
    if (known !== undefined) return known
    const named = ofCaller(decision)
    if (caller !== undefined) this.#callers.set(caller, named)
    return named
  }

  /** What a handler has called in its caller's name (AAuth 10.1): the tokens are the ones that the supplier records. */
  recordOnward({ at, id, supplier, outcome, status, iss, jti, person, tokens }: OnwardEvent): void {
    this.#keep(() => {
      this.#begin()
      const evidence = { salt: salt(), person, iss, jti, tokens }
      this.#add(at, `"onward":${JSON.stringify({ id, supplier, outcome, status })}`, JSON.stringify(evidence))
    })
  }

  /** Nothing that is wrong here may change the answer to a request. */
  #keep(write: () => void): void {
    try {
      if (this.writer.bytes <= this.#settings.buffer) {
        write()
        return
      }
    } catch (cause) {
      this.#tellFailed(cause)
    }
    this.#missing++
    this.dropped++
  }

  /** Begins a new file where it is time. */
  #begin(): void {
    const { bytes, seconds } = this.#settings.rotate
    const isOld = this.#context.monotonic() - this.#fileBegan >= seconds * 1000
    if ((!isOld && this.#fileBytes < bytes) || this.#fileBytes === 0 || this.#sink.rotate === undefined)
      return
    this.#rotates = true
    this.#fileBytes = 0
    this.#fileBegan = this.#context.monotonic()
    this.#evidence.forget()
  }

  #add(at: number, what: string, evidence: string | undefined): void {
    const seq = this.#end === undefined ? 0 : this.#end.seq + 1
    const prev = this.#end === undefined ? this.#sink.last : this.#end.hash
    const missing = this.#missing
    const record = `{"v":1,"resource":${this.#resource},"chain":"${this.#chain}","seq":${seq},${
      prev === undefined ? '' : `"prev":"${prev}",`
    }"at":${at},${evidence === undefined ? '' : `"evidence":"${sha256(evidence)}",`}${
      missing === 0 ? '' : `"missing":${missing},`
    }${what}}`
    const line = writeLine(record, evidence)
    const end = { seq, hash: sha256(record) }
    this.writer.add(line, end, this.#rotates)
    this.#end = end
    this.#missing = 0
    this.#rotates = false
    this.#fileBytes += line.length
    this.records++
  }

  async erase(person: PersonIdentifier): Promise<number> {
    const { erase } = this.#sink
    if (erase === undefined) throw new TypeError('erase: this sink cannot erase')
    const hashes = this.#context.subjects.hashesOf(person)
    const texts = [...hashes]
    const choose = (line: string): boolean => {
      // Most lines are of others, and need not be parsed.
      if (!texts.some((hash) => line.includes(hash))) return false
      const { person = '', claimed = '' } = (JSON.parse(splitLine(line)?.evidence ?? 'null') ??
        {}) as Readonly<Record<string, string>>
      return hashes.has(person) || hashes.has(claimed)
    }
    await this.writer.flush()
    try {
      return await this.writer.run(() => erase.call(this.#sink, choose, (lines) => this.#announce(lines)))
    } finally {
      // Tokens that stood where something was erased have to be written once more.
      this.#evidence.forget()
    }
  }

  async #announce(lines: readonly string[]): Promise<void> {
    const chains = new Map<string, number[]>()
    for (const line of lines) {
      const { chain, seq } = JSON.parse(splitLine(line)?.record as string) as { chain: string; seq: number }
      const seqs = chains.get(chain)
      if (seqs === undefined) chains.set(chain, [seq])
      else seqs.push(seq)
    }
    for (const [chain, seqs] of chains)
      await this.#sink.state(await this.#sign({ kind: 'erasure', chain, seqs }))
  }

  #sign(
    said:
      | { readonly kind: 'head'; readonly seq: number; readonly hash: string; readonly closed: boolean }
      | { readonly kind: 'erasure'; readonly chain: string; readonly seqs: readonly number[] },
  ): Promise<string> {
    const { resource, clock, key } = this.#context
    const signing = key()
    if (signing === undefined) throw new Error('there is no key to sign with')
    return signStatement({ iss: resource, chain: this.#chain, at: clock(), ...said }, signing)
  }
}

import { randomBytes } from 'node:crypto'
import type { Caller, PersonIdentifier } from '../caller.js'
import type { SigningKey } from '../crypto/keys.js'
import type { Conclusion } from '../decision/conclusion.js'
import type { Diagnose } from '../diagnostics.js'
import { messageOf } from '../errors.js'
import type { AuditEvent, DecisionEvent, OnwardEvent, UntimedEvent } from '../events.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { ReadSignature } from '../signature/read.js'
import { createCipher } from './cipher.js'
import { salt, sha256, splitLine, writeLine } from './line.js'
import { type Named, ofCaller } from './members.js'
import type { AuditSettings } from './options.js'
import { EvidenceWriter } from './record.js'
import { RequestFacts } from './request-facts.js'
import type { AuditSink } from './sink.js'
import { signStatement } from './statement.js'
import { type ChainEnd, Writer } from './writer.js'

/** The hashes that stand for persons. */
export interface PersonHashes {
  /** The current hash. */
  hashOf(person: PersonIdentifier): string
  /** All hashes, with every known key. */
  hashesOf(person: PersonIdentifier): ReadonlySet<string>
  /** Where the key comes from. `process`: each process has made its own. */
  readonly keyedBy: 'subjectKey' | 'secret' | 'signingKeys' | 'process'
}

/** What a log gets from the resource server that it belongs to. */
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
  readonly report: (event: UntimedEvent<AuditEvent>) => void
  readonly diagnose: Diagnose
}

/** A record that waits to be written. */
interface Waiting {
  readonly facts: RequestFacts
  readonly read: ReadSignature
  readonly named: Named
}

/**
 * Limit on waiting records, so that requests are not kept in memory for long, and writing them takes little time at
 * once.
 */
const mostWaiting = 32
/** More bytes than any of them can take. */
const longestWaiting = 131_072

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
  #waiting: Waiting[] = []
  readonly #chain = randomBytes(9).toString('base64url')
  readonly #resource: string
  #end: ChainEnd | undefined
  #fileBytes: number
  #fileBegan: number
  /** Whether the next record begins a new file. */
  #rotates = false
  /** Records dropped since the last accepted one. */
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
      complete: () => this.#writeWaiting(),
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
    if (whenFull !== 'refuse') return false
    // Reserves room for the requests that were accepted already.
    if (this.#mayExceed(buffer / 2)) this.#writeWaiting()
    return this.writer.isFailing || this.writer.bytes > buffer / 2
  }

  health(): {
    readonly ok: boolean
    readonly waiting: number
    readonly dropped: number
    readonly records: number
  } {
    this.#writeWaiting()
    const { writer, dropped, records } = this
    return { ok: !writer.isFailing, waiting: writer.bytes, dropped, records }
  }

  /**
   * Most requests come with a token that is in the file already. Their records do not depend on when they are
   * written, so they are collected: writing several in a row finds code and data in the processor's caches.
   */
  record(conclusion: Conclusion): void {
    const { signature, caller } = conclusion.draft
    const named = caller === undefined ? undefined : this.#callers.get(caller)
    const waits =
      named !== undefined &&
      signature !== undefined &&
      this.#evidence.has(signature) &&
      !this.#isDue &&
      !this.#mayExceed(this.#settings.buffer)
    if (waits) {
      this.#waiting.push({ facts: new RequestFacts(conclusion), read: signature, named })
      if (this.#waiting.length >= mostWaiting) this.#writeWaiting()
      else this.writer.expect()
      return
    }
    this.#keep(() => {
      const { jkt } = conclusion.event
      const isVerified = conclusion.caller !== 'nobody' && conclusion.caller !== 'unverified'
      this.#write(
        new RequestFacts(conclusion),
        signature,
        named ?? this.#name(conclusion.event, caller),
        signature !== undefined || jkt !== undefined,
        isVerified,
      )
    })
  }

  #write(
    facts: RequestFacts,
    read: ReadSignature | undefined,
    named: Named,
    isSigned: boolean,
    isVerified: boolean,
  ): void {
    const proof = read === undefined ? `"salt":"${salt()}"` : this.#evidence.write(read, isVerified)
    const evidence = isSigned ? `{${proof}${named.evidence}}` : undefined
    this.#add(facts.at, `"decision":{${facts.write()}${named.decision}}`, evidence)
  }

  /** Whether there could be more bytes than that once everything is written. */
  #mayExceed(bytes: number): boolean {
    return this.writer.bytes + this.#waiting.length * longestWaiting > bytes
  }

  /** Writes the collected records. */
  #writeWaiting(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { facts, read, named } of waiting)
      this.#tryTo(() => this.#write(facts, read, named, true, true))
  }

  /** The members about the caller. A remembered token has the same caller object each time. */
  #name(decision: DecisionEvent, caller: Caller | undefined): Named {
    const named = ofCaller(decision)
    if (caller !== undefined) this.#callers.set(caller, named)
    return named
  }

  /** Records a handler's call in its caller's name (AAuth 10.1), with the tokens that the supplier records too. */
  recordOnward({ at, id, supplier, outcome, status, iss, jti, person, tokens }: OnwardEvent): void {
    this.#keep(() => {
      const evidence = { salt: salt(), person, iss, jti, tokens }
      this.#add(at, `"onward":${JSON.stringify({ id, supplier, outcome, status })}`, JSON.stringify(evidence))
    })
  }

  /** Writes a record at once, after the collected ones. */
  #keep(write: () => void): void {
    this.#writeWaiting()
    this.#tryTo(() => {
      if (this.#isDue) this.#begin()
      write()
    })
  }

  /** A failure here must not change the answer to a request. */
  #tryTo(write: () => void): void {
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

  /** Whether it is time for a new file. */
  get #isDue(): boolean {
    const { bytes, seconds } = this.#settings.rotate
    if (this.#fileBytes === 0 || this.#sink.rotate === undefined) return false
    return this.#fileBytes >= bytes || this.#context.monotonic() - this.#fileBegan >= seconds * 1000
  }

  /** Begins a new file. */
  #begin(): void {
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
      // Most lines are about other persons and need not be parsed.
      if (!texts.some((hash) => line.includes(hash))) return false
      const { person = '', claimed = '' } = (JSON.parse(splitLine(line)?.evidence ?? 'null') ??
        {}) as Readonly<Record<string, string>>
      return hashes.has(person) || hashes.has(claimed)
    }
    await this.writer.flush()
    try {
      return await this.writer.run(() => erase.call(this.#sink, choose, (lines) => this.#announce(lines)))
    } finally {
      // Tokens stored in erased evidence have to be written again. Collected records rely on them.
      this.#writeWaiting()
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

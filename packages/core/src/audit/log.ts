import { randomBytes } from 'node:crypto'
import type { Caller, PersonIdentifier } from '../caller.js'
import type { SigningKey } from '../crypto/keys.js'
import type { Diagnose } from '../diagnostics.js'
import type { AuditEvent, DecisionEvent, OnwardEvent, Untold } from '../events.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { ReadSignature } from '../signature/read.js'
import { createCipher } from './cipher.js'
import { FileSink } from './file-sink.js'
import { salt, sha256, splitLine, writeLine } from './line.js'
import { type AuditLogOptions, type AuditSettings, readAuditOptions } from './options.js'
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

/** How a log does. */
export interface AuditHealth {
  /** Whether it is being written. */
  readonly ok: boolean
  /** Bytes that wait to be written. */
  readonly waiting: number
  /** Records that could not be kept, since the start. */
  readonly dropped: number
  /** Records that have been taken, since the start. */
  readonly records: number
}

/** A log of evidence, for the option `audit` of one resource server; `createAuditLog` makes it. */
export interface AuditLog {
  /** As the option `audit.subjects`. */
  readonly subjects?: boolean
  /** As the option `audit.subjectKey`. */
  readonly subjectKey?: string
  /** Writes all that waits, and resolves once it is kept. Rejects where it cannot be. */
  flush(): Promise<void>
  /** Signs how far the log has come, now. */
  head(): Promise<void>
  /** Writes all that waits and signs how far the log has come. Call it when the server has closed. */
  close(): Promise<void>
  /** How the log does. */
  health(): AuditHealth
  /**
   * Erases what the log has about a person: all evidence of requests in their name, in every file that is still there. What
   * is left says that there was a request, and when; the chain still verifies, and a signed statement says which records
   * were erased. Requests that come later are recorded anew.
   *
   * @returns how many records had something
   * @throws TypeError where the sink cannot erase
   */
  erase(person: PersonIdentifier): Promise<number>
}

/** An {@link AuditLog} as the resource server that it belongs to has it. */
export class OwnAuditLog implements AuditLog {
  readonly subjects?: boolean
  readonly subjectKey?: string
  readonly #settings: AuditSettings
  #running: Running | undefined
  #closed = false

  constructor(options: AuditLogOptions) {
    this.#settings = readAuditOptions(options)
    const { subjects, subjectKey } = this.#settings
    if (subjects !== undefined) this.subjects = subjects
    if (subjectKey !== undefined) this.subjectKey = subjectKey
  }

  async flush(): Promise<void> {
    await this.#running?.writer.flush()
  }

  async head(): Promise<void> {
    await this.#running?.writer.head()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#running?.writer.close()
  }

  health(): AuditHealth {
    const running = this.#running
    return running === undefined
      ? { ok: true, waiting: 0, dropped: 0, records: 0 }
      : {
          ok: !running.writer.isFailing,
          waiting: running.writer.bytes,
          dropped: running.dropped,
          records: running.records,
        }
  }

  async erase(person: PersonIdentifier): Promise<number> {
    const running = this.#running
    if (running === undefined) throw new TypeError('erase: the log belongs to no resource server yet')
    return running.erase(person)
  }

  record(decision: DecisionEvent, read: ReadSignature | undefined, caller: Caller | undefined): void {
    this.#running?.record(decision, read, caller)
  }

  recordOnward(event: OnwardEvent): void {
    this.#running?.recordOnward(event)
  }

  get isRefusing(): boolean {
    return this.#running?.isRefusing === true
  }

  /** What the hashes of persons are keyed with, and were. */
  get subjectSecrets(): {
    readonly secret?: string | undefined
    readonly former?: readonly string[] | undefined
  } {
    const { secret, formerSubjectKeys } = this.#settings
    return { secret, former: formerSubjectKeys }
  }

  /** @throws TypeError where it belongs to a server already, cannot sign, or cannot be opened */
  attach(context: AuditContext): void {
    if (this.#running !== undefined)
      throw new TypeError('option audit: the log belongs to another resource server already')
    const key = context.key()
    if (key === undefined)
      throw new TypeError(
        'option audit: needs signingKeys: a key of the resource signs how far the log has come',
      )
    const { file, sink, fsync, keep } = this.#settings
    // Evidence outlives signing keys, and whoever is to be erased has to be found in all of it.
    const { keyedBy } = context.subjects
    if (keyedBy === 'process')
      throw new TypeError(
        'option audit: needs subjectKey or secret: the signing key is kept elsewhere, so that each process would hash persons with a key of its own, and none would be found to be erased',
      )
    if (keyedBy === 'signingKeys') context.diagnose('AAUTH_SUBJECT_KEY')
    this.#running = new Running(
      sink ?? openFile({ file: file as string, fsync, ...keep, clock: context.clock }),
      this.#settings,
      context,
    )
  }
}

function openFile(options: ConstructorParameters<typeof FileSink>[0]): FileSink {
  try {
    return new FileSink(options)
  } catch (cause) {
    throw new TypeError(`createAuditLog: file: cannot be opened: ${(cause as Error).message}`, { cause })
  }
}

/** A log that belongs to a resource server. */
class Running {
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
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.#context.report({ name: 'audit-failed', reason, whenFull })
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
    const named = { decision: more(aboutCaller(decision)), evidence: more(aboutPerson(decision)) }
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

/** JSON of what a caller's token says: more members of the decision, and of the evidence. */
interface Named {
  readonly decision: string
  readonly evidence: string
}

/** The members of a decision that may be erased. */
type PersonMembers = 'person' | 'account' | 'user' | 'subjects' | 'tenant' | 'mission' | 'jkt' | 'iss' | 'jti'
/** The others that are as the caller is. */
type CallerMembers = 'caller' | 'agent' | 'parentAgent' | 'provider' | 'ps' | 'scope'
/** Those that each request has of its own. */
type OwnMembers = Exclude<keyof DecisionEvent, PersonMembers | CallerMembers | 'name' | 'resource' | 'at'>

const aboutPerson = (decision: DecisionEvent): Record<PersonMembers, unknown> => ({
  person: decision.person,
  account: decision.account,
  user: decision.user,
  subjects: decision.subjects,
  tenant: decision.tenant,
  mission: decision.mission,
  jkt: decision.jkt,
  iss: decision.iss,
  jti: decision.jti,
})

const aboutCaller = (decision: DecisionEvent): Record<CallerMembers, unknown> => ({
  caller: decision.caller,
  agent: decision.agent,
  parentAgent: decision.parentAgent,
  provider: decision.provider,
  ps: decision.ps,
  scope: decision.scope,
})

type AlwaysThere = 'id' | 'method' | 'outcome' | 'milliseconds'

/** By name, so that none is forgotten. */
const sometimesThere = Object.keys({
  route: true,
  code: true,
  family: true,
  status: true,
  remembered: true,
  keyHeld: true,
  policy: true,
  held: true,
  part: true,
  verification: true,
  requestId: true,
} satisfies Record<Exclude<OwnMembers, AlwaysThere>, true>) as readonly Exclude<OwnMembers, AlwaysThere>[]

/** One by one: this is part of every request, and JSON of a whole object takes long. */
const ofRequest = (decision: DecisionEvent): string => {
  const { id, method, outcome, milliseconds } = decision
  let json = id === undefined ? '' : `"id":"${id}",`
  json += `"method":${JSON.stringify(method)},"outcome":"${outcome}","milliseconds":${round(milliseconds)}`
  for (const name of sometimesThere) {
    const value = decision[name]
    if (value === undefined) continue
    json += `,"${name}":${typeof value === 'number' ? round(value) : JSON.stringify(value)}`
  }
  return json
}

/** Members as JSON, to be added to others. */
function more(members: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(members)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}

/** To microseconds. */
const round = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

/** Whether signature and token have verified. */
const isVerified = ({ caller }: DecisionEvent): boolean => caller !== 'nobody' && caller !== 'unverified'

/**
 * Creates a log of evidence for the option `audit`: what was decided of each request, and what verifies it again offline
 * (AAuth 13.17). Records are written beside the requests, never before them: a process that is killed loses what it has
 * decided in the last `gather` milliseconds, and what is being written then.
 *
 * @throws TypeError naming the option at fault
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { createAuditLog } from '@countersign/core/audit'
 *
 * const audit = createAuditLog({ file: '/var/log/notes/audit.jsonl' })
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   signingKeys: process.env['NOTES_KEY'] ?? '',
 *   audit,
 * })
 * process.once('SIGTERM', () => {
 *   server.close()
 *   void audit.close()
 * })
 * ```
 */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  return new OwnAuditLog(options)
}

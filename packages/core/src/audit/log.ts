import type { PersonIdentifier } from '../caller.js'
import type { Conclusion } from '../decision/conclusion.js'
import type { OnwardEvent } from '../events.js'
import { FileSink } from './file-sink.js'
import { type AuditLogOptions, type AuditSettings, readAuditOptions } from './options.js'
import { type AuditContext, RunningLog } from './running-log.js'

/** The health of an audit log. */
export interface AuditHealth {
  /** Whether records are being written. */
  readonly ok: boolean
  /** Bytes waiting to be written. */
  readonly waiting: number
  /** Records lost since the start. */
  readonly dropped: number
  /** Records accepted since the start. */
  readonly records: number
}

/** A log of evidence, for the option `audit` of one resource server; made by `createAuditLog`. */
export interface AuditLog {
  /** The option `audit.subjects`. */
  readonly subjects?: boolean
  /** The option `audit.subjectKey`. */
  readonly subjectKey?: string
  /** Writes everything that waits, and resolves once it is stored. Rejects when that fails. */
  flush(): Promise<void>
  /** Signs a head now: a statement of how far the log reaches. */
  head(): Promise<void>
  /** Writes everything that waits and signs a last head. Call it when the server has closed. */
  close(): Promise<void>
  /** The health of the log. */
  health(): AuditHealth
  /**
   * Erases what the log has about a person: all evidence of requests in their name, in every file that still exists.
   * What is left says that there was a request, and when. The chain still verifies, and a signed statement names the
   * erased records. Later requests are recorded again.
   *
   * @returns how many records were erased
   * @throws TypeError when the sink cannot erase
   */
  erase(person: PersonIdentifier): Promise<number>
}

/** An {@link AuditLog} with the methods for the resource server that it belongs to. */
export class OwnAuditLog implements AuditLog {
  readonly subjects?: boolean
  readonly subjectKey?: string
  readonly #settings: AuditSettings
  #running: RunningLog | undefined
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
    return running === undefined ? { ok: true, waiting: 0, dropped: 0, records: 0 } : running.health()
  }

  async erase(person: PersonIdentifier): Promise<number> {
    const running = this.#running
    if (running === undefined) throw new TypeError('erase: the log belongs to no resource server yet')
    return running.erase(person)
  }

  record(conclusion: Conclusion): void {
    this.#running?.record(conclusion)
  }

  recordOnward(event: OnwardEvent): void {
    this.#running?.recordOnward(event)
  }

  get isRefusing(): boolean {
    return this.#running?.isRefusing === true
  }

  /** The current and former keys for the hashes of persons. */
  get subjectSecrets(): {
    readonly secret?: string | undefined
    readonly former?: readonly string[] | undefined
  } {
    const { secret, formerSubjectKeys } = this.#settings
    return { secret, former: formerSubjectKeys }
  }

  /** @throws TypeError when it belongs to a server already, cannot sign, or cannot be opened */
  attach(context: AuditContext): void {
    if (this.#running !== undefined)
      throw new TypeError('option audit: the log belongs to another resource server already')
    const key = context.key()
    if (key === undefined)
      throw new TypeError(
        'option audit: needs signingKeys: a key of the resource signs how far the log has come',
      )
    const { file, sink, fsync, keep } = this.#settings
    // Evidence outlives signing keys, and `erase` must find a person in all of it.
    const { keyedBy } = context.subjects
    if (keyedBy === 'process')
      throw new TypeError(
        'option audit: needs subjectKey or secret: the signing key is kept elsewhere, so that each process would hash persons with a key of its own, and none would be found to be erased',
      )
    if (keyedBy === 'signingKeys') context.diagnose('AAUTH_SUBJECT_KEY')
    this.#running = new RunningLog(
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

/**
 * Creates a log of evidence for the option `audit`: the decision on each request, and what is needed to verify it
 * again offline (AAuth 13.17). Records are written after the decisions, so a process that is killed loses those of
 * the last `gather` milliseconds and those being written.
 *
 * @throws TypeError naming the invalid option
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

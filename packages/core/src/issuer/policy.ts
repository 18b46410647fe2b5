import { askable, Refusal } from '../errors.js'
import type { IssuerEvent, UntimedEvent } from '../events.js'
import { isYes } from '../time/deadline.js'
import type { IssuerOptions } from './options.js'

/** Reports an event, with what was thrown. */
type IssuerReporter = (event: UntimedEvent<IssuerEvent>, error?: unknown) => void

/**
 * The operator's rules on issuers: `allow`, `deny` and `admit`. Nothing is fetched from an issuer that is not
 * admitted.
 */
export class IssuerPolicy {
  readonly #allow: ReadonlySet<string> | undefined
  readonly #deny: ReadonlySet<string>
  readonly #admit: IssuerOptions['admit']
  readonly #report: IssuerReporter

  constructor(options: Pick<IssuerOptions, 'allow' | 'deny' | 'admit'>, report: IssuerReporter) {
    this.#allow = options.allow === undefined ? undefined : new Set(options.allow)
    this.#deny = new Set(options.deny)
    this.#admit = options.admit
    this.#report = report
  }

  /** Whether the operator named the issuer, so that it is no newcomer. */
  isListed(issuer: string): boolean {
    return this.#allow?.has(issuer) === true
  }

  /** `access_denied`, or `undefined` for an admitted issuer. */
  refused(issuer: string, dwk: string): Refusal | undefined {
    if (this.#deny.has(issuer)) return denied('in issuers.deny')
    if (this.#allow !== undefined && !this.#allow.has(issuer)) return denied('not in issuers.allow')
    if (this.#admit === undefined) return undefined
    return this.#ask(this.#admit, issuer, dwk) ? undefined : denied('not admitted by issuers.admit')
  }

  #ask(admit: NonNullable<IssuerOptions['admit']>, issuer: string, dwk: string): boolean {
    let thrown: unknown
    let reason = 'issuers.admit returned no boolean; it must be synchronous'
    try {
      const answer: unknown = admit({ id: issuer, dwk })
      if (typeof answer === 'boolean') return answer
      isYes(answer)
    } catch (error) {
      thrown = askable(error)
      reason = thrown instanceof Error ? thrown.message : 'issuers.admit threw'
    }
    this.#report({ name: 'issuer-policy-failed', issuer, dwk, reason }, thrown)
    return false
  }
}

function denied(reason: string): Refusal {
  return new Refusal('access_denied', {
    detail: 'This issuer is not accepted here.',
    reason: `the issuer is ${reason}`,
  })
}

import { hash } from 'node:crypto'
import type { Origin } from '../caller.js'
import type { DenialKind } from '../events.js'
import { isServerIdentifier, parseAgentIdentifier } from '../identifiers.js'

/** Whom or what the operator denies. */
export type DenialSubject =
  /** All tokens of an agent provider, person server or access server, and grants for persons of it. */
  | { readonly issuer: string }
  /** A person, whatever agent acts (AAuth 14.1). */
  | { readonly person: { readonly ps: string; readonly sub: string } }
  /**
   * An agent and its sub-agents, by `aauth:local@domain`, where it presents its agent token. Person and auth tokens do not
   * name the agent: deny its `key` as well to reach those.
   */
  | { readonly agent: string }
  /** Everything signed with a key: its RFC 7638 SHA-256 thumbprint, `caller.jkt`. */
  | { readonly key: string }
  /** One token. */
  | { readonly token: { readonly iss: string; readonly jti: string } }

/** A checked subject in the form that is compared: a hash of exact strings. */
export interface CheckedSubject {
  readonly kind: DenialKind
  /** A hash of the subject: names it without saying who it is. */
  readonly id: string
}

/**
 * Checks a subject.
 *
 * @throws TypeError naming what is wrong
 */
export function checkSubject(subject: DenialSubject): CheckedSubject {
  const names = Object.keys(subject)
  if (names.length !== 1)
    throw new TypeError('denials: subject must have exactly one of issuer, person, agent, key, token')
  if ('issuer' in subject) {
    if (!isServerIdentifier(subject.issuer))
      throw new TypeError('denials: issuer must be a server identifier, such as https://ps.example')
    return checked('issuer', subject.issuer)
  }
  if ('person' in subject) {
    const { ps, sub } = subject.person
    if (!isServerIdentifier(ps) || !isText(sub))
      throw new TypeError('denials: person must be { ps, sub }: a server identifier and a text')
    return checked('person', ps, sub)
  }
  if ('agent' in subject) {
    if (parseAgentIdentifier(subject.agent) === undefined) {
      throw new TypeError('denials: agent must be aauth:local@domain')
    }
    return checked('agent', subject.agent)
  }
  if ('key' in subject) {
    if (!/^[A-Za-z0-9_-]{43}$/.test(subject.key))
      throw new TypeError('denials: key must be a SHA-256 thumbprint (RFC 7638), 43 characters of base64url')
    return checked('key', subject.key)
  }
  if ('token' in subject) {
    const { iss, jti } = subject.token
    if (!isServerIdentifier(iss) || !isText(jti))
      throw new TypeError('denials: token must be { iss, jti }: a server identifier and a text')
    return checked('token', iss, jti)
  }
  throw new TypeError('denials: subject must have exactly one of issuer, person, agent, key, token')
}

/** The subjects by which a caller may be denied. */
export function subjectsOf(caller: Origin): readonly CheckedSubject[] {
  const { iss, jti } = caller.token
  const subjects = [checked('token', iss, jti), checked('key', caller.jkt), checked('issuer', iss)]
  if (caller.kind === 'agent') {
    subjects.push(checked('agent', caller.agent))
    if (caller.parentAgent !== undefined) subjects.push(checked('agent', caller.parentAgent))
    return subjects
  }
  const { ps, sub } = caller.person
  subjects.push(checked('person', ps, sub))
  if (ps !== iss) subjects.push(checked('issuer', ps))
  return subjects
}

// Hashed: strangers' strings of any length and alphabet make no key of a store, and a log shows no person.
const checked = (kind: DenialKind, ...parts: readonly string[]): CheckedSubject => ({
  kind,
  id: hash('sha256', [kind, ...parts].join('\n'), 'base64url'),
})

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** A denial that is in force. */
export interface Denial {
  readonly id: string
  readonly subject: DenialSubject
  readonly reason?: string | undefined
  readonly by?: string | undefined
  /** Seconds. */
  readonly since: number
  /** Seconds. */
  readonly until: number
}

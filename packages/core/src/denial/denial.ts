import { hash } from 'node:crypto'
import type { Origin } from '../caller.js'
import { checkArgument } from '../configuration/configuration.js'
import { didYouMean } from '../configuration/nearest.js'
import { z } from '../configuration/schema.js'
import type { DenialKind } from '../events.js'
import { isServerIdentifier, parseAgentIdentifier } from '../identifiers.js'

/** Who or what the operator denies. */
export type DenialSubject =
  /** All tokens of an agent provider, person server or access server, and grants for its persons. */
  | { readonly issuer: string }
  /** A person, whichever agent acts (AAuth 14.1). */
  | { readonly person: { readonly ps: string; readonly sub: string } }
  /**
   * An agent and its sub-agents, by `aauth:local@domain`, when it presents its agent token. Person and auth tokens do
   * not name the agent: deny its `key` as well to cover those.
   */
  | { readonly agent: string }
  /** Everything signed with a key: its RFC 7638 SHA-256 thumbprint, `caller.jkt`. */
  | { readonly key: string }
  /** One token. */
  | { readonly token: { readonly iss: string; readonly jti: string } }

/** A checked subject, in the form used for comparison: a hash of exact strings. */
export interface CheckedSubject {
  readonly kind: DenialKind
  /** A hash that identifies the subject without naming it. */
  readonly id: string
}

const name = z.string('must be a text that is not empty').min(1, 'must be a text that is not empty')
const server = z.custom<string>(
  (value) => typeof value === 'string' && isServerIdentifier(value),
  'must be a server identifier, such as https://ps.example',
)
const kinds = {
  issuer: server,
  person: z.strictObject({ ps: server, sub: name }, 'must be { ps, sub }: a server identifier and a text'),
  agent: z.custom<string>(
    (value) => typeof value === 'string' && parseAgentIdentifier(value) !== undefined,
    'must be aauth:local@domain',
  ),
  key: z.string(thumbprint()).regex(/^[A-Za-z0-9_-]{43}$/, thumbprint()),
  token: z.strictObject({ iss: server, jti: name }, 'must be { iss, jti }: a server identifier and a text'),
}
const kindNames = Object.keys(kinds) as readonly DenialKind[]
const subjects: ReadonlyMap<string, z.ZodType> = new Map(
  Object.entries(kinds).map(([kind, schema]) => [kind, z.strictObject({ [kind]: schema })]),
)

function thumbprint(): string {
  return 'must be a SHA-256 thumbprint (RFC 7638), 43 characters of base64url'
}

/**
 * Checks a subject.
 *
 * @param prefix the function that was called, for the error message
 * @throws TypeError naming the invalid part
 */
export function checkSubject(subject: DenialSubject, prefix: string): CheckedSubject {
  const given: unknown = subject
  const names = isObject(given) ? Object.keys(given) : []
  const [kind] = names
  if (kind === undefined || names.length > 1)
    throw new TypeError(`${prefix}must have exactly one of ${kindNames.join(', ')}: { agent: 'aauth:…' }`)
  if (!kindNames.includes(kind as DenialKind))
    throw new TypeError(`${prefix}${kind}: is not known${didYouMean(kind, kindNames)}`)
  const known = checkArgument<DenialSubject>(subjects.get(kind) as never, given, prefix)
  if ('person' in known) return checked('person', known.person.ps, known.person.sub)
  if ('token' in known) return checked('token', known.token.iss, known.token.jti)
  return checked(kind as DenialKind, Object.values(known)[0] as string)
}

/** Whether it has the members of a subject, whatever their values. */
export function looksLikeSubject(value: object): boolean {
  return kindNames.some((kind) => Object.hasOwn(value, kind))
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

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

// Hashed, because strangers' strings of any length and alphabet are no store keys, and so that logs show no person.
const checked = (kind: DenialKind, ...parts: readonly string[]): CheckedSubject => ({
  kind,
  id: hash('sha256', [kind, ...parts].join('\n'), 'base64url'),
})

/** A denial in force. */
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

import { createHmac, randomBytes } from 'node:crypto'
import { type Caller, type PersonIdentifier, withoutUser } from '../caller.js'
import type { DecisionEvent } from '../events.js'
import { isSigner } from '../own-keys/external-signer.js'
import { readSigningKeys } from '../own-keys/signing-keys.js'

/** How persons are named in decisions: the option `audit`. */
export interface SubjectOptions {
  /**
   * Whether decisions also name persons, accounts and users in clear text (`subjects`). Default `false`: only by
   * hash.
   */
  readonly subjects?: boolean
  /**
   * The key for the hashes, 32 characters or more, the same on all instances. Default: the `secret` of the audit log,
   * if it has one. Otherwise it is derived from the first of `signingKeys`, so that the hashes change with that key.
   * If that is kept elsewhere, or there is none, each process makes its own.
   */
  readonly subjectKey?: string
}

/** The members of a decision that identify persons by hash. */
type SubjectMembers = { -readonly [Name in Named]?: NonNullable<DecisionEvent[Name]> }

type Named = 'person' | 'account' | 'user' | 'subjects'

/** Adds these members to a decision. */
export type NameSubjects = (caller: Caller, event: SubjectMembers) => void

/** Names persons by hashes, without revealing who they are. */
export interface Subjects {
  readonly name: NameSubjects
  /** The current hash of a person. */
  hashOf(person: PersonIdentifier): string
  /**
   * All hashes that a person has had, with every key that is known: each of `signingKeys` that this process has, and
   * each former key.
   */
  hashesOf(person: PersonIdentifier): ReadonlySet<string>
  /** Where the key of the hashes comes from. `process`: each process has made its own. */
  readonly keyedBy: 'subjectKey' | 'secret' | 'signingKeys' | 'process'
}

/** Further keys for the hashes. */
export interface SubjectSecrets {
  /** The secret of the audit log, which outlives signing keys. */
  readonly secret?: string | undefined
  /** Former keys. */
  readonly former?: readonly string[] | undefined
}

/**
 * Creates it.
 *
 * @param signingKeys the option, of which a key is derived where none is given
 */
export function createSubjects(
  { subjects = false, subjectKey }: SubjectOptions,
  resource: string,
  signingKeys: unknown,
  { secret, former = [] }: SubjectSecrets = {},
): Subjects {
  const signing = secretsOf(signingKeys)
  const [first] = signing
  const keyOf = (text: string | Buffer): Buffer =>
    createHmac('sha256', text).update(`countersign subject hash\n${resource}`).digest()
  const key = keyOf(subjectKey ?? secret ?? first ?? randomBytes(32))
  const hashed = (...parts: readonly string[]): string => hashUnder(key, parts)
  // A remembered token has one caller object for all its requests.
  const known = new WeakMap<Caller, SubjectMembers>()

  const name = (caller: Caller): SubjectMembers => {
    const who = caller.kind === 'session' ? caller.by : caller
    const user = caller.kind === 'session' ? caller.user : undefined
    const person = who.kind === 'agent' ? undefined : who.person
    const account = who.kind === 'grant' ? who.account : undefined
    if (user === undefined && person === undefined) return {}
    return {
      ...(person === undefined ? {} : { person: hashed('person', person.ps, person.sub) }),
      ...(account === undefined ? {} : { account: hashed('account', account) }),
      ...(user === undefined ? {} : { user: hashed('user', user) }),
      ...(subjects
        ? {
            subjects: {
              ...(person === undefined ? {} : { sub: person.sub }),
              ...(account === undefined ? {} : { account }),
              ...(user === undefined ? {} : { user }),
            },
          }
        : {}),
    }
  }

  // What a route adds to a caller is added anew for each request.
  const nameBare = (seen: Caller): SubjectMembers => {
    const caller = seen.kind === 'session' ? seen : withoutUser(seen)
    const before = known.get(caller)
    if (before !== undefined) return before
    const named = name(caller)
    known.set(caller, named)
    return named
  }

  const addTo: NameSubjects = (caller, event) => {
    const named = known.get(caller) ?? nameBare(caller)
    const { person, account, user } = named
    if (person !== undefined) event.person = person
    if (account !== undefined) event.account = account
    if (user !== undefined) event.user = user
    if (named.subjects !== undefined) event.subjects = named.subjects
  }

  return {
    name: addTo,
    hashOf: ({ ps, sub }) => hashed('person', ps, sub),
    hashesOf({ ps, sub }) {
      const others = [secret, ...signing, ...former].filter((text) => text !== undefined)
      return new Set([key, ...others.map(keyOf)].map((one) => hashUnder(one, ['person', ps, sub])))
    },
    keyedBy:
      subjectKey !== undefined
        ? 'subjectKey'
        : secret !== undefined
          ? 'secret'
          : first !== undefined
            ? 'signingKeys'
            : 'process',
  }
}

const hashUnder = (key: Buffer, parts: readonly string[]): string =>
  createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')

/** The private parts of the signing keys; `undefined` for a key that is kept elsewhere. */
function secretsOf(signingKeys: unknown): readonly (string | undefined)[] {
  if (signingKeys === undefined) return []
  return readSigningKeys(signingKeys, 'option signingKeys').map(({ key }) => {
    const { d } = (isSigner(key) ? {} : key) as { readonly d?: unknown }
    return typeof d === 'string' ? d : undefined
  })
}

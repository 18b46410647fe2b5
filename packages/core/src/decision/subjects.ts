import { createHmac, randomBytes } from 'node:crypto'
import { type Caller, type PersonIdentifier, withoutUser } from '../caller.js'
import type { DecisionEvent } from '../events.js'
import { isSigner } from '../own-keys/external-signer.js'
import { readSigningKeys } from '../own-keys/signing-keys.js'

/** How persons are named in decisions: the option `audit`. */
export interface SubjectOptions {
  /** Whether decisions name persons, accounts and users in clear as well (`subjects`). Default `false`: by hash only. */
  readonly subjects?: boolean
  /**
   * The secret that the hashes are keyed with, 32 characters or more, the same on all instances. Default: the `secret` of the
   * audit log, if it has one. Otherwise it is derived from the first of `signingKeys`, so that the hashes change when that key
   * does; where that is kept elsewhere or there is none, each process makes its own.
   */
  readonly subjectKey?: string
}

/** The members of a decision that stand for persons. */
type SubjectMembers = { -readonly [Name in Named]?: NonNullable<DecisionEvent[Name]> }

type Named = 'person' | 'account' | 'user' | 'subjects'

/** Adds to a decision what persons are named by. */
export type NameSubjects = (caller: Caller, event: SubjectMembers) => void

/** How a resource names persons without saying who they are. */
export interface Subjects {
  readonly name: NameSubjects
  /** The hash that stands for a person now. */
  hashOf(person: PersonIdentifier): string
  /**
   * All hashes that have stood for a person, as far as the keys are known: under each of `signingKeys` that this process
   * has, and each that it is given.
   */
  hashesOf(person: PersonIdentifier): ReadonlySet<string>
  /** Where the key of the hashes comes from. `process`: each process has made its own. */
  readonly keyedBy: 'subjectKey' | 'secret' | 'signingKeys' | 'process'
}

/** What else the hashes are keyed with. */
export interface SubjectSecrets {
  /** The secret of the log, which outlives signing keys. */
  readonly secret?: string | undefined
  /** What they were keyed with before. */
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
  // Remembered tokens have one caller object for all their requests.
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

/**
 * The private parts of the signing keys; `undefined` for one that is kept elsewhere.
 */
function secretsOf(signingKeys: unknown): readonly (string | undefined)[] {
  if (signingKeys === undefined) return []
  return readSigningKeys(signingKeys, 'option signingKeys').map(({ key }) => {
    const { d } = (isSigner(key) ? {} : key) as { readonly d?: unknown }
    return typeof d === 'string' ? d : undefined
  })
}

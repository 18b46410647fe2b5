import { createHmac, randomBytes } from 'node:crypto'
import type { Caller } from '../caller.js'
import type { DecisionEvent } from '../events.js'
import { isSigner } from '../own-keys/external-signer.js'
import { readSigningKeys } from '../own-keys/signing-keys.js'

/** How persons are named in decisions: the option `audit`. */
export interface SubjectOptions {
  /** Whether decisions name persons, accounts and users in clear as well (`subjects`). Default `false`: by hash only. */
  readonly subjects?: boolean
  /**
   * The secret that the hashes are keyed with, 32 characters or more, the same on all instances. Default: it is derived from
   * the first of `signingKeys`, so that the hashes change when that key does; where that is kept elsewhere or there is none,
   * each process makes its own.
   */
  readonly subjectKey?: string
}

/** The members of a decision that stand for persons. */
type SubjectMembers = { -readonly [Name in Named]?: NonNullable<DecisionEvent[Name]> }

type Named = 'person' | 'account' | 'user' | 'subjects'

/** Adds to a decision what persons are named by. */
export type NameSubjects = (caller: Caller, event: SubjectMembers) => void

/**
 * Creates it.
 *
 * @param signingKeys the option, of which a key is derived where none is given
 */
export function createSubjects(
  { subjects = false, subjectKey }: SubjectOptions,
  resource: string,
  signingKeys: unknown,
): NameSubjects {
  const key = createHmac('sha256', subjectKey ?? secretOf(signingKeys) ?? randomBytes(32))
    .update(`countersign subject hash\n${resource}`)
    .digest()
  const hashed = (...parts: readonly string[]): string =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
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

  return (caller, event) => {
    let named = known.get(caller)
    if (named === undefined) {
      named = name(caller)
      known.set(caller, named)
    }
    const { person, account, user } = named
    if (person !== undefined) event.person = person
    if (account !== undefined) event.account = account
    if (user !== undefined) event.user = user
    if (named.subjects !== undefined) event.subjects = named.subjects
  }
}

/** The private part of the first signing key, where this process has it. */
function secretOf(signingKeys: unknown): string | undefined {
  if (signingKeys === undefined) return undefined
  const [first] = readSigningKeys(signingKeys, 'option signingKeys')
  if (first === undefined || isSigner(first.key)) return undefined
  const { d } = first.key as { readonly d?: unknown }
  return typeof d === 'string' ? d : undefined
}

import { hash } from 'node:crypto'
import type { Origin, PersonIdentifier } from '../caller.js'
import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { StateEvent, UntimedEvent } from '../events.js'
import { isServerIdentifier } from '../identifiers.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { latestVersion, versionId, writeNextVersion } from '../store/versions.js'
import { type Deadlines, Inquiry } from '../time/deadline.js'
import type { LinkedPerson, UsersOptions } from './options.js'

/** The links between persons and users, for the application. */
export interface Users {
  /**
   * Ends a link. It calls the option `users.unlink`, if given, to delete it, and ends what was begun for the person
   * at every instance, from the next request on: sessions, held calls, stored answers, and open pages. Auth tokens
   * stay valid, but no route with `user` accepts them until the person links again. If it rejects, the person may
   * still be linked, and what was begun may or may not have ended; it is safe to call again.
   *
   * @throws TypeError when the person is malformed, or there is no option `users`; StoreError when the store could
   * not record it; NoAnswer when `users.unlink` did not answer in time
   */
  unlink(who: LinkedPerson): Promise<void>
}

/** Records when persons were unlinked, in the shared store. */
export interface Unlinks extends Users {
  /** Adds the person's current mark to an origin, so that `hasEnded` recognises a later unlinking. */
  mark(origin: Origin): Promise<Origin>
  /** Whether the person was unlinked after the origin was marked. */
  hasEnded(origin: Origin): Promise<boolean>
}

/** The dependencies of {@link createUnlinks}. */
export interface UnlinksContext {
  /** Our identifier. */
  readonly resource: string
  /** The option `users`. */
  readonly users: UsersOptions | undefined
  readonly store: Store
  /** The longest time in seconds that something begun with a token can last. */
  readonly longest: number
  /** How persons are named in events. */
  readonly subjects: { hashOf(person: PersonIdentifier): string }
  readonly deadlines: Deadlines
  readonly report: (event: UntimedEvent<StateEvent>) => void
}

/**
 * Creates the {@link Unlinks} of a server. Every unlinking writes a new mark, and whatever is begun stores the mark
 * of its time, so clocks need not be compared. Marks are numbered: an earlier one that takes effect again later is not the
 * latest. Without the option `users` there is nothing to check.
 */
export function createUnlinks(context: UnlinksContext): Unlinks {
  const { resource, users, store, longest, subjects, deadlines, report } = context
  // Strangers choose these strings, so they are hashed.
  const key = ({ ps, sub }: PersonIdentifier): string =>
    `unlinked:${hash('sha256', `${resource}\n${ps}\n${sub}`, 'base64url')}`
  const end = async (person: PersonIdentifier): Promise<void> => {
    await writeNextVersion(store, key(person), () => ['', longest + instanceSkew])
  }
  const lastMark = async (person: PersonIdentifier): Promise<string | undefined> => {
    const version = await latestVersion(store, key(person))
    return version === undefined ? undefined : versionId(version)
  }
  return {
    async unlink(given) {
      const who = checkArgument<LinkedPerson>(schema as never, given, 'users.unlink: ')
      if (users === undefined) throw new TypeError('users.unlink: needs the option users')
      // First, so that a page which is linking them now sees it, in whichever order the database works; and again
      // afterwards, for what was begun in between while they were still linked.
      await end(who.person)
      const inquiry = Object.assign(new Inquiry(undefined), who)
      await deadlines.ask(inquiry, (about) => users.unlink?.(about), 'users.unlink')
      await end(who.person)
      report({ name: 'unlinked', ps: who.person.ps, person: subjects.hashOf(who.person) })
    },
    async mark(origin) {
      if (users === undefined || origin.kind === 'agent') return origin
      return { ...origin, unlinked: (await lastMark(origin.person)) ?? null }
    },
    async hasEnded(origin) {
      // Nothing was recorded for what was begun before the application had users.
      if (users === undefined || origin.kind === 'agent' || origin.unlinked === undefined) return false
      const last = await lastMark(origin.person)
      // A mark that has expired is older than anything that was begun.
      return last !== undefined && last !== origin.unlinked
    },
  }
}

const name = z.string('must be a text that is not empty').min(1, 'must be a text that is not empty')
const schema = z.strictObject({
  person: z.strictObject(
    {
      ps: z.custom<string>(
        (value) => typeof value === 'string' && isServerIdentifier(value),
        'must be a server identifier, such as https://ps.example',
      ),
      sub: name,
    },
    'must be { ps, sub }: a server identifier and a text',
  ),
  tenant: name.optional(),
})

import { hash } from 'node:crypto'
import type { Origin, PersonIdentifier } from '../caller.js'
import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { StateEvent, UntimedEvent } from '../events.js'
import { isServerIdentifier } from '../identifiers.js'
import { instanceSkew } from '../limits.js'
import { lastWord, markOf, sayNext } from '../store/row.js'
import type { Store } from '../store/store.js'
import { type Deadlines, Inquiry } from '../time/deadline.js'
import type { LinkedPerson, UsersOptions } from './options.js'

/** The links between persons and users, for the application. */
export interface Users {
  /**
   * Ends a link: asks `users.unlink` of the options to forget it, where that is given, and ends what was begun for the
   * person: sessions, calls that wait, answers that are kept, and pages that are open, at every instance from the next
   * request on. Auth tokens stay good, and serve on no route that needs a user; there the person is asked to link
   * again. If it rejects, the person may be linked still, and what was begun has ended or not: say it again, repeating is
   * harmless.
   *
   * @throws TypeError when the person is malformed, or there is no option `users`; StoreError when the store could not
   * record it; NoAnswer when `users.unlink` gave none in time
   */
  unlink(who: LinkedPerson): Promise<void>
}

/** When persons were unlinked, shared through the store. */
export interface Unlinks extends Users {
  /** Adds the person's present mark to an origin, so that `hasEnded` can tell an unlinking that comes later. */
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
  /** Seconds for which anything that was begun can last. */
  readonly longest: number
  /** How persons are named in events. */
  readonly subjects: { hashOf(person: PersonIdentifier): string }
  readonly deadlines: Deadlines
  readonly report: (event: UntimedEvent<StateEvent>) => void
}

/**
 * Creates the {@link Unlinks} of a server. Every unlinking writes a new mark, and what is begun keeps the mark of its
 * time; so no clocks are compared. They follow one another in a row, so that an earlier one that takes effect once more is not
 * the last. Without the option `users` there is nothing to ask.
 */
export function createUnlinks(context: UnlinksContext): Unlinks {
  const { resource, users, store, longest, subjects, deadlines, report } = context
  // Strangers' strings of any length and alphabet make no key of a store.
  const key = ({ ps, sub }: PersonIdentifier): string =>
    `unlinked:${hash('sha256', `${resource}\n${ps}\n${sub}`, 'base64url')}`
  const end = async (person: PersonIdentifier): Promise<void> => {
    await sayNext(store, key(person), () => ['', longest + instanceSkew])
  }
  const lastMark = async (person: PersonIdentifier): Promise<string | undefined> => {
    const word = await lastWord(store, key(person))
    return word === undefined ? undefined : markOf(word)
  }
  return {
    async unlink(given) {
      const who = checkArgument<LinkedPerson>(schema as never, given, 'users.unlink: ')
      if (users === undefined) throw new TypeError('users.unlink: needs the option users')
      // Before, so that a page which is linking them at this moment finds it, whichever of the two the database does first;
      // and afterwards, for what was begun in between for whoever was still linked.
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
      // Nothing was noted of what was begun before the application had users.
      if (users === undefined || origin.kind === 'agent' || origin.unlinked === undefined) return false
      const last = await lastMark(origin.person)
      // A mark that has gone is older than anything that was begun.
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

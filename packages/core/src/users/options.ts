import type { Awaitable } from '../awaitable.js'
import type { PersonIdentifier } from '../caller.js'
import { z } from '../configuration/schema.js'
import type { Deadline } from '../time/deadline.js'

/** A person, as the application is asked which of its users it is. */
export interface LinkedPerson {
  /** Compare both members exactly: another person server may use the same `sub` for somebody else. */
  readonly person: PersonIdentifier
  /** The organisation in whose name the person acts this time; no part of who the person is. */
  readonly tenant?: string
}

/** A person who is to be linked to the user who is signed in. */
export interface NewLink extends LinkedPerson {
  /** The application's own name of the user, as `interaction.login` gave it. */
  readonly user: string
  /** What `interaction.login` gave beside it. */
  readonly data?: unknown
}

/** The application does not link this person to this user. */
export interface LinkRefused {
  /** Why, in words for the person; the page shows them as plain text. */
  readonly refused: string
}

/**
 * Which persons are which users of the application. Its own database decides and remembers; this library keeps no links.
 *
 * @typeParam User what handlers see as `aauth.user` on routes with `user`
 */
export interface UsersOptions<User extends object | string = object | string> {
  /**
   * The user that a person is linked to; `undefined` or `null` where it is none. Asked on every request that needs a user,
   * and its answer is kept for none. Anything but an object or a text is a fault (`500`), and so is an `Error`, or the result
   * of a query in place of its row (a list, a cursor, an object with a list `rows`): with no row in it, it is nobody.
   */
  find(who: LinkedPerson & Deadline): Awaitable<User | null | undefined>
  /**
   * Links a person to a user who has agreed on our page, or answers {@link LinkRefused}. Called only where `find` has
   * found nobody, and by one page at a time for each person, at all instances. Let the database have one user for each
   * person all the same, and fail where there is one already: applications write to it elsewhere, too. One that throws
   * links nobody, and the person server is told `server_error`; so is one that answers `false`, an `Error`, or a `refused`
   * that is no text. Whatever else it answers, the person counts as linked, and `find` is asked whether it finds them (the
   * diagnostic `AAUTH_LINK`).
   */
  link(link: NewLink & Deadline): Awaitable<unknown>
  /**
   * Forgets the link of a person: called by `users.unlink`; and where a link was made while its person was unlinked,
   * denied or revoked.
   */
  unlink?(who: LinkedPerson & Deadline): Awaitable<unknown>
}

const fn = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
)

/** The schema of {@link UsersOptions}. */
export const usersOptionsSchema: z.ZodType<object> = z.strictObject({
  find: fn,
  link: fn,
  unlink: fn.optional(),
})

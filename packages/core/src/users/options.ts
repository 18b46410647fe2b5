import type { Awaitable } from '../awaitable.js'
import type { PersonIdentifier } from '../caller.js'
import { z } from '../configuration/schema.js'
import type { Deadline } from '../time/deadline.js'

/** A person whose user the application is asked for. */
export interface LinkedPerson {
  /** Compare both members exactly: another person server may use the same `sub` for somebody else. */
  readonly person: PersonIdentifier
  /** The organisation that the person acts within this time. It is not part of the person's identity. */
  readonly tenant?: string
}

/** A person to be linked to the signed-in user. */
export interface NewLink extends LinkedPerson {
  /** The user, as `interaction.login` returned it. */
  readonly user: string
  /** The `data` that `interaction.login` returned. */
  readonly data?: unknown
}

/** The application does not link this person to this user. */
export interface LinkRefused {
  /** Why, as text for the person. The page shows it as plain text. */
  readonly refused: string
}

/**
 * Links persons to users of the application. The application's own database decides and remembers; this library
 * stores no links.
 *
 * @typeParam User what handlers see as `aauth.user` on routes with `user`
 */
export interface UsersOptions<User extends object | string = object | string> {
  /**
   * The user to whom a person is linked; `undefined` or `null` if there is none. Called on every request to a route
   * with `user`; its result is not cached. Anything but an object or a text is an error (`500`). So is an `Error`, or
   * the result of a query instead of its row (a list, a cursor, an object with a list `rows`), because one without
   * rows means nobody.
   */
  find(who: LinkedPerson & Deadline): Awaitable<User | null | undefined>
  /**
   * Links a person to a user who has agreed on our page, or returns {@link LinkRefused}. Called only if `find` has
   * found nobody, and by one page at a time for each person, at all instances. The database should still enforce one
   * user for each person, and fail if there is one already, because applications also write to it elsewhere. If it
   * throws, the person is not linked, and the person server is told `server_error`; the same if it returns `false`,
   * an `Error`, or a `refused` that is no text. After any other result the person counts as linked, and `find` is
   * called to check that it finds them (diagnostic `AAUTH_LINK`).
   */
  link(link: NewLink & Deadline): Awaitable<unknown>
  /**
   * Deletes the link of a person. Called by `users.unlink`, and when a link was made while its person was unlinked,
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

import { hash } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Grant, Person } from '../caller.js'
import { describeValue } from '../configuration/describe-value.js'
import { askable } from '../errors.js'
import { say, sayNext, type Word } from '../store/row.js'
import type { Store } from '../store/store.js'
import { type Deadlines, type Inquiry, NoAnswer } from '../time/deadline.js'
import type { LinkedPerson, NewLink, UsersOptions } from './options.js'

/** The application's users, as the option `users` knows them. Every method fails where the application's function does. */
export interface UserDirectory {
  /** The user a person is linked to. @throws TypeError where the answer is no user and not nobody either */
  find(who: Person | Grant, inquiry: Inquiry): Awaitable<object | string | undefined>
  /** Links a person. @returns why not, in words for the person; `undefined` where it is done */
  link(who: Person | Grant, as: Pick<NewLink, 'user' | 'data'>, inquiry: Inquiry): Promise<string | undefined>
  /** Takes a link back. @returns `false` where the application has no function for it */
  unlink(who: Person | Grant, inquiry: Inquiry): Promise<boolean>
  /**
   * Runs while nobody else links this person, at any instance: of two users who link one person at once, the second finds
   * them linked. @returns `busy` where somebody does, and nothing has been run
   */
  alone<T>(who: Person | Grant, run: () => Promise<T>): Promise<T | 'busy'>
}

/** The dependencies of {@link createUserDirectory}. */
export interface UserDirectoryContext {
  /** Our identifier. */
  readonly resource: string
  readonly users: UsersOptions | undefined
  readonly store: Store
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  readonly deadlines: Deadlines
}

/** Seconds after which a process counts as gone that was linking somebody, beside what its functions may take. */
const longestLink = 60
/** Seconds that they take at most, where they have no deadline. */
const noDeadline = 600

/** Said of a person whom somebody has linked, in place of the time, in milliseconds, until which they may be linking them. */
const over = '0'
/** Seconds for which a word is kept: far longer than a link takes, so that one that is said late ends no later link. */
const wordSeconds = 3600

/** Creates it. */
export function createUserDirectory({
  resource,
  users,
  store,
  clock,
  deadlines,
}: UserDirectoryContext): UserDirectory | undefined {
  if (users === undefined) return undefined
  const { milliseconds } = deadlines
  // Two are waited for: `find`, then `link`.
  const claimed = longestLink + (milliseconds === 0 ? noDeadline : Math.ceil((2 * milliseconds) / 1000))
  return {
    async alone({ person }, run) {
      const key = `linking:${hash('sha256', `${resource}\n${person.ps}\n${person.sub}`, 'base64url')}`
      const isBusy = (last: Word | undefined): boolean => clock() < Number(last?.text ?? 0)
      const until = String(clock() + claimed * 1000)
      const own = await sayNext(store, key, (last) => (isBusy(last) ? undefined : [until, wordSeconds]))
      if (own === undefined) return 'busy'
      const release = async (): Promise<void> => {
        try {
          await say(store, key, own, over, wordSeconds)
        } catch {
          // What cannot be said ends by itself.
        }
      }
      let answer: Awaited<ReturnType<typeof run>>
      try {
        answer = await run()
      } catch (cause) {
        // A function that is late goes on, and may link them yet: nobody else begins before the claim expires.
        if (!isLate(cause)) await release()
        throw cause
      }
      await release()
      return answer
    },
    find(who, inquiry) {
      const asked = Object.assign(inquiry, linkedPerson(who))
      return andThen(
        deadlines.ask(asked, (about) => users.find(about), 'users.find'),
        checkUser,
      )
    },
    async link(who, { user, data }, inquiry) {
      const link = { ...linkedPerson(who), user, ...(data === undefined ? {} : { data }) }
      const answer = await deadlines.ask(
        Object.assign(inquiry, link),
        (about) => users.link(about),
        'users.link',
      )
      return refusalIn(answer)
    },
    async unlink(who, inquiry) {
      if (users.unlink === undefined) return false
      await deadlines.ask(
        Object.assign(inquiry, linkedPerson(who)),
        (about) => users.unlink?.(about),
        'users.unlink',
      )
      return true
    },
  }
}

function isLate(thrown: unknown): boolean {
  const cause = askable(thrown)
  return cause instanceof NoAnswer && cause.refusal.code === 'policy_unavailable'
}

/** A person as the application's functions are given it. */
function linkedPerson({ person, tenant }: Person | Grant): LinkedPerson {
  return tenant === undefined ? { person } : { person, tenant }
}

function checkUser(user: unknown): object | string | undefined {
  if (user === undefined || user === null) return undefined
  if (typeof user === 'string' && user.trim() !== '') return user
  if (typeof user !== 'object' || user instanceof Error)
    throw new TypeError(
      `option users.find: answered ${describeValue(user)}; must answer an object or a text, or undefined where it is nobody`,
    )
  // With no row in it that would be a user all the same, and the same one for everybody.
  if (isQueryResult(user))
    throw new TypeError(
      'option users.find: answered the result of a query; must answer its one row, or undefined where there is none',
    )
  return user
}

/** Lists, cursors, and what the drivers of PostgreSQL answer. */
function isQueryResult(user: object): boolean {
  if (Symbol.iterator in user || Symbol.asyncIterator in user) return true
  return 'rows' in user && Array.isArray(user.rows)
}

/** Why a person is not linked. What may be meant as a refusal and is none is a fault: the person would be told that it is done. */
function refusalIn(answer: unknown): string | undefined {
  if (answer === false || answer instanceof Error)
    throw new TypeError('option users.link: answered false, or an Error; answer { refused: … } or throw')
  if (typeof answer !== 'object' || answer === null || !('refused' in answer)) return undefined
  const { refused } = answer
  if (typeof refused === 'string' && refused.trim() !== '') return refused
  throw new TypeError(
    `option users.link: answered { refused } with ${describeValue(refused)}; it must be a text, which tells the person why`,
  )
}

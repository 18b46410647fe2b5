import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { Origin, TokenCaller } from '../caller.js'
import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { DenialKind, StateEvent, UntimedEvent } from '../events.js'
import { instanceSkew } from '../limits.js'
import { Mark } from '../store/mark.js'
import type { Store } from '../store/store.js'
import { latestVersion, type Version, writeNextVersion } from '../store/versions.js'
import type { Denial } from './denial.js'
import {
  type CheckedSubject,
  checkSubject,
  type DenialSubject,
  looksLikeSubject,
  subjectsOf,
} from './denial.js'
import { type DenialLifetime, DenialList } from './denial-list.js'

/** A denial to make. */
export interface NewDenial {
  readonly subject: DenialSubject
  /**
   * How long, in seconds. Default 30 days; at most 400 days. It lasts up to ten seconds longer, because the clocks of
   * instances may differ by that much.
   */
  readonly seconds?: number
  /** Why, for the list and the audit record. At most 500 characters; not shown to the caller. */
  readonly reason?: string
  /** Who denied, for the list and the audit record. At most 200 characters. */
  readonly by?: string
}

/**
 * The operator's deny-list, shared through the store. Every instance answers a denied caller `403 access_denied`,
 * from the next request after `add` has resolved. If `add` or `remove` rejects, call it again: repeating is harmless.
 * A write that the store applies late, or that its client sends again after losing its connection, undoes no later
 * change.
 */
export interface Denials {
  /**
   * Denies a subject. If it is denied already, the later of both ends counts: to have it end sooner, remove it first.
   *
   * @throws TypeError when it is malformed; StoreError when the store could not record it; RangeError when 1024
   * subjects are denied already for more than a day, or 1024 for a day at most
   */
  add(denial: NewDenial): Promise<Denial>
  /**
   * Removes a denial. `by` and `reason` are for the audit record.
   *
   * @throws TypeError when the subject or `why` is malformed
   */
  remove(subject: DenialSubject, why?: { readonly reason?: string; readonly by?: string }): Promise<void>
  /** All denials in force, in no order. Reads several thousand keys of the store: for people, not for requests. */
  list(): Promise<readonly Denial[]>
  /**
   * The kind of subject by which a caller is denied; `undefined` if it is not. Every request is checked anyway: this
   * is for connections that outlast the request that began them. For a session pass `caller.by`.
   *
   * @throws StoreError when the store cannot be read; TypeError when it is no caller
   */
  find(caller: TokenCaller): Awaitable<DenialKind | undefined>
}

/** {@link Denials} that also checks stored callers. */
export interface DenialCheck extends Denials {
  /** See {@link Denials.find}. */
  find(caller: Origin): Awaitable<DenialKind | undefined>
  /** The mark that changes with every denial; `undefined` while nobody is denied. */
  mark(): Awaitable<string | undefined>
  /** Like {@link find}, under a mark that was read after the request had arrived. */
  under(mark: string | undefined, caller: Origin): Awaitable<DenialKind | undefined>
}

const defaultSeconds = 30 * 86_400
const day = 86_400
const maxSeconds = 400 * day
/**
 * Short denials may be many, so they are kept apart from long ones. Within a kind all versions are kept for the same time, so
 * that a late write shortens no later version, and longer than any denial of the kind, so that the versions after a late
 * write still exist.
 */
const short: DenialLifetime = { prefix: 'deny:short:', seconds: 2 * day }
const long: DenialLifetime = { prefix: 'deny:', seconds: maxSeconds + 30 * day }
const lifetimes = [long, short]
const lifetimeOf = (seconds: number): DenialLifetime => (seconds <= day ? short : long)
/**
 * Seconds to keep the removal of a denial that does not exist: the write of one that got no answer may still take
 * effect.
 */
const lateSeconds = 3600
// Outlives every denial, so that a missing mark means that none is in force.
const markSeconds = maxSeconds + day
/** The key of the mark, which every request reads. */
export const markKey = 'deny:mark'
const subjectKey = ({ prefix }: DenialLifetime, { kind, id }: CheckedSubject): string =>
  `${prefix}${kind}:${id}`
/** The value of a version that removes a denial; that of a denial is its end in seconds. */
const lifted = 'lifted'

/**
 * Creates the {@link Denials} of a server. Every change sets a new mark, which each request reads. While there is
 * none, nobody is denied; while it stays the same, a caller that was found not denied stays so. So a request costs
 * one read, and a few more when a token is first seen after a change. The changes of a subject are versions
 * ({@link latestVersion}), none of which is overwritten or deleted.
 *
 * @param clock milliseconds, as `Date.now`
 */
export function createDenials(
  store: Store,
  clock: () => number,
  report: (event: UntimedEvent<StateEvent>) => void,
): DenialCheck {
  const list = new DenialList(store, clock, lifetimes)
  const mark = new Mark<Origin>(store, markKey, markSeconds)

  const search = (caller: Origin, seen: string): Awaitable<DenialKind | undefined> => {
    const subjects = subjectsOf(caller)
    const noteAbsent = mark.look(seen)
    const versions = lifetimes.flatMap((lifetime) =>
      subjects.map((subject) => latestVersion(store, subjectKey(lifetime, subject))),
    )
    const conclude = (found: readonly (Version | undefined)[]): DenialKind | undefined => {
      const index = found.findIndex((version) => endOf(version) > clock())
      if (index === -1) noteAbsent(caller)
      return subjects[index % subjects.length]?.kind
    }
    return versions.some(isPromiseLike)
      ? Promise.all(versions).then(conclude)
      : conclude(versions as (Version | undefined)[])
  }

  const under = (seen: string | undefined, caller: Origin): Awaitable<DenialKind | undefined> =>
    mark.isAbsent(caller, seen) || seen === undefined ? undefined : search(caller, seen)

  return {
    find: (caller) => andThen(mark.read(), (seen) => under(seen, caller)),
    mark: () => mark.read(),
    under,

    async add(denial) {
      const { subject, seconds = defaultSeconds, reason, by } = checkNew(denial)
      const checked = checkSubject(subject, 'denials.add: subject.')
      const since = Math.floor(clock() / 1000)
      const made: Denial = { id: checked.id, subject, reason, by, since, until: since + seconds }
      const lifetime = lifetimeOf(seconds)
      await list.record(made, lifetime)
      await writeNextVersion(store, subjectKey(lifetime, checked), (latest) => {
        const until = Math.max(made.until, Number(latest?.value) || 0)
        return [String(until), lifetime.seconds]
      })
      await mark.change()
      report({ name: 'denial-added', kind: checked.kind, id: checked.id, until: made.until, reason, by })
      return made
    },

    async remove(subject, given = {}) {
      const checked = checkSubject(subject, 'denials.remove: the subject ')
      const why = checkArgument(whySchema, given, 'denials.remove: ')
      for (const lifetime of lifetimes)
        await writeNextVersion(store, subjectKey(lifetime, checked), (latest) => [
          lifted,
          latest === undefined ? lateSeconds : lifetime.seconds,
        ])
      await mark.change()
      await list.erase(checked.id)
      report({ name: 'denial-removed', kind: checked.kind, id: checked.id, ...why })
    },

    list: () => list.read(),
  }
}

/** In milliseconds, with room for the clock of another instance; 0 without a denial. */
const endOf = (version: Version | undefined): number =>
  version === undefined || version.value === lifted ? 0 : (Number(version.value) + instanceSkew) * 1000

const reason = z.string(reasonKind()).max(500, reasonKind()).optional()
const by = z.string(byKind()).max(200, byKind()).optional()
const secondsKind = `must be a whole number from 1 to ${maxSeconds}`
const newSchema = z.strictObject({
  subject: z.custom<DenialSubject>(() => true),
  seconds: z.int(secondsKind).min(1, secondsKind).max(maxSeconds, secondsKind).optional(),
  reason,
  by,
})
const whySchema = z.strictObject({ reason, by })

function reasonKind(): string {
  return 'must be a text of at most 500 characters'
}
function byKind(): string {
  return 'must be a text of at most 200 characters'
}

function checkNew(denial: NewDenial): z.output<typeof newSchema> {
  const given: unknown = denial
  const isObject = typeof given === 'object' && given !== null
  if (!isObject || !('subject' in given) || given.subject === undefined) {
    const example = "{ subject: { agent: 'aauth:…' } }"
    const shown = isObject && looksLikeSubject(given) ? `, around what was given: ${example}` : `: ${example}`
    throw new TypeError(`denials.add: subject is missing${shown}`)
  }
  return checkArgument(newSchema, given, 'denials.add: ')
}

import { randomBytes } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import { type Store, StoreUnfitError } from './store.js'

/** A value that is never overwritten: a later one follows it. */
export interface Version {
  /** Names the series of versions, so that versions of an earlier series that the store has lost are not taken for its own. */
  readonly series: string
  /** From 1. */
  readonly number: number
  readonly value: string
  /** It was found by following: the key itself holds an earlier one, which may expire first. */
  readonly isFollowing?: true
}

/**
 * Reads the latest version of a key.
 *
 * Each version is claimed under the number after the version that it follows, and none is overwritten or deleted: of
 * two that follow the same one, exactly one wins. So a write that a client repeats, or that a store applies late,
 * finds its number taken and undoes nothing that was written after it.
 *
 * The key itself holds the first version or a later one, from which the others are found. If an older one is put back
 * there, reading takes longer, but the latest version is the same. All versions of a key are kept for the same time,
 * or until the same moment. This does not protect against a write so late that the versions after it have expired.
 *
 * Takes one read if nothing is there, otherwise two.
 */
export function latestVersion(store: Pick<Store, 'get'>, key: string): Awaitable<Version | undefined> {
  return andThen(store.get(key), (head) =>
    head === undefined ? undefined : follow(store, key, versionIn(head)),
  )
}

/**
 * Writes a version after a given one. As with a claim, one writer wins.
 *
 * @param after the latest version; `undefined` if there is none
 * @param ttl seconds
 * @param series names the series, if this is its first version; without spaces
 * @returns the version; `undefined` if another one was written there first
 */
export function writeVersion(
  store: Store,
  key: string,
  after: Version | undefined,
  value: string,
  ttl: number,
  series = '',
): Awaitable<Version | undefined> {
  if (after === undefined) {
    const first: Version = { series, number: 1, value }
    return andThen(store.claim(key, headOf(first), ttl), (isOwn) => (isOwn ? first : undefined))
  }
  const next: Version = { series: after.series, number: after.number + 1, value }
  return andThen(store.claim(versionKey(key, next), value, ttl), (isOwn) =>
    isOwn ? andThen(store.put(key, headOf(next), ttl), () => next) : undefined,
  )
}

/**
 * Writes a version after the latest one, whoever wrote that. If it is the first, it begins a series with a random
 * name.
 *
 * @param next the value and its lifetime in seconds, given the latest version; `undefined` to write nothing. Without a value
 * the latest version is kept for so long: whoever wrote it may not have written the key itself
 * @returns the version; `undefined` if none was written
 */
export async function writeNextVersion(
  store: Store,
  key: string,
  next: (latest: Version | undefined) => readonly [value: string | undefined, ttl: number] | undefined,
): Promise<Version | undefined> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const latest = await latestVersion(store, key)
    const [value, ttl = 0] = next(latest) ?? []
    if (value === undefined) {
      if (ttl > 0 && latest?.isFollowing === true) await store.put(key, headOf(latest), ttl)
      return undefined
    }
    const version = await writeVersion(store, key, latest, value, ttl, randomBytes(9).toString('base64url'))
    if (version !== undefined) return version
  }
  throw new StoreUnfitError('a claim is refused again and again, and nothing is in its place')
}

/** Unique among all versions of the key. */
export const versionId = ({ series, number }: Version): string => `${series}.${number}`

/** Each failed attempt means that somebody else has written a version. */
const mostAttempts = 1000

/**
 * The value of the key itself. The number comes first: if two are written back to a store that lost them, the later
 * counts.
 */
export const headOf = ({ series, number, value }: Version): string => `${number} ${series} ${value}`

const versionKey = (key: string, { series, number }: Pick<Version, 'series' | 'number'>): string =>
  `${key}:${series}:${number}`

const form = /^(\d{1,15}) (\S*) (.*)$/s

function versionIn(head: string): Version {
  const [, number, series = '', value = head] = form.exec(head) ?? []
  return { series, number: Number(number ?? 1), value }
}

function follow(store: Pick<Store, 'get'>, key: string, version: Version): Awaitable<Version> {
  const next = { series: version.series, number: version.number + 1 }
  return andThen(store.get(versionKey(key, next)), (value) =>
    value === undefined ? version : follow(store, key, { ...next, value, isFollowing: true }),
  )
}

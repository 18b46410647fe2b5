import { randomBytes } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import { type Store, StoreUnfitError } from './store.js'

/** A word of a row. */
export interface Word {
  /** The name of the row; no other row of the key is taken for it where the store has lost this one. */
  readonly row: string
  /** From 1. */
  readonly number: number
  readonly text: string
  /** It was found by following: what stands under the key is an earlier one, and may expire before it. */
  readonly isFollowing?: true
}

/**
 * What was said last under a key, where a later word takes the place of an earlier one. A word is claimed under the number
 * after the word it follows: of two that follow the same one exactly one stands, and none is replaced or deleted. So a
 * write that a client sends once more, or that a store does late, finds its number taken and undoes nothing that came
 * after it.
 *
 * Under the key itself is the first word, or a later one: where to begin to look. If an older one comes to stand there, it
 * costs reads, and the last word is the same. Each word is said for the same time, or until the same moment; what is late
 * by more than what a word outlasts its use is not held off.
 *
 * It costs one read where nothing has been said, and two otherwise.
 */
export function lastWord(store: Pick<Store, 'get'>, key: string): Awaitable<Word | undefined> {
  return andThen(store.get(key), (value) =>
    value === undefined ? undefined : follow(store, key, parse(value)),
  )
}

/**
 * Says a word after another one. As a claim it is for one only.
 *
 * @param after the last word; `undefined` where there is none
 * @param ttl seconds
 * @param row names the row that it begins, where it is the first word; without spaces
 * @returns the word; `undefined` when another one was said there, which stands
 */
export function say(
  store: Store,
  key: string,
  after: Word | undefined,
  text: string,
  ttl: number,
  row = '',
): Awaitable<Word | undefined> {
  const word: Word =
    after === undefined ? { row, number: 1, text } : { row: after.row, number: after.number + 1, text }
  const value = standing(word)
  if (after === undefined) return andThen(store.claim(key, value, ttl), (isOwn) => (isOwn ? word : undefined))
  return andThen(store.claim(wordKey(key, word), text, ttl), (isOwn) =>
    isOwn ? andThen(store.put(key, value, ttl), () => word) : undefined,
  )
}

/**
 * Says a word after whatever has been said, by whomever. A row that it begins has a name that no other has.
 *
 * @param next the word and for how many seconds, in view of the last one. Without a text the last one is relied on instead,
 * and is found for so long from now on: whoever said it may not have come to write where to begin to look. `undefined` for
 * neither
 * @returns the word; `undefined` where none was said
 */
export async function sayNext(
  store: Store,
  key: string,
  next: (last: Word | undefined) => readonly [text: string | undefined, ttl: number] | undefined,
): Promise<Word | undefined> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const last = await lastWord(store, key)
    const [text, ttl = 0] = next(last) ?? []
    if (text === undefined) {
      if (ttl > 0 && last?.isFollowing === true) await store.put(key, standing(last), ttl)
      return undefined
    }
    const word = await say(store, key, last, text, ttl, randomBytes(9).toString('base64url'))
    if (word !== undefined) return word
  }
  throw new StoreUnfitError('a claim is refused again and again, and nothing is in its place')
}

/** What tells a word apart from all others that are said under its key. */
export const markOf = ({ row, number }: Word): string => `${row}.${number}`

/** Each attempt that fails is a word of somebody else's. */
const mostAttempts = 1000

/** What stands under the key of a row. The number comes first: where two of them are written back, the later counts. */
export const standing = ({ row, number, text }: Word): string => `${number} ${row} ${text}`

const wordKey = (key: string, { row, number }: Pick<Word, 'row' | 'number'>): string =>
  `${key}:${row}:${number}`

const form = /^(\d{1,15}) (\S*) (.*)$/s

function parse(value: string): Word {
  const [, number, row = '', text = value] = form.exec(value) ?? []
  return { row, number: Number(number ?? 1), text }
}

function follow(store: Pick<Store, 'get'>, key: string, word: Word): Awaitable<Word> {
  const next = { row: word.row, number: word.number + 1 }
  return andThen(store.get(wordKey(key, next)), (text) =>
    text === undefined ? word : follow(store, key, { ...next, text, isFollowing: true }),
  )
}

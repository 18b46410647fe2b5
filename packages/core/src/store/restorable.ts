// By the text before the first colon of a key. Entries that grant something (sessions, pending calls, links under
// way) are not included: a process that writes one back cannot know whether another process has ended it.
const kinds: ReadonlyMap<string, RestorableKind> = new Map([
  ['revoked', 'stop'],
  ['deny', 'denial'],
  ['session-ended', 'stop'],
  ['unlinked', 'stop'],
  ['session-begun', 'stop'],
  ['pending-begun', 'stop'],
  ['session-renewed', 'stop'],
  ['replay', 'used'],
  ['revoking', 'used'],
])

/**
 * Kinds of entries that must not be forgotten. `denial`: made by the operator, and nobody else can add more. `stop`:
 * it ends something, or is needed to end it. `used`: it records something that may happen once, or a limited number
 * of times, within minutes.
 */
export type RestorableKind = 'denial' | 'stop' | 'used'

/**
 * The kind of an entry that may be written back to a store that has lost it; `undefined` for all others.
 *
 * @example
 * ```ts
 * import { restorableKind } from '@countersign/core/adapter'
 *
 * const mayBeWrittenBack = (key: string) => restorableKind(key) !== undefined
 * ```
 */
export function restorableKind(key: string): RestorableKind | undefined {
  return kinds.get(key.slice(0, key.indexOf(':')))
}

// What is named before the first colon of a key. What grants something (sessions, calls that wait, links under way) is not
// among them: whoever writes it back cannot know that another process has ended it meanwhile.
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
 * What an entry does that must not be forgotten: `denial`, the operator has said it, and nobody else can make more of them;
 * `stop`, it ends something, or is needed to end it; `used`, it is what may happen once, or so many times, within minutes.
 */
export type RestorableKind = 'denial' | 'stop' | 'used'

/**
 * The kind of an entry that may be written back to a store which has lost it; `undefined` for all others.
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

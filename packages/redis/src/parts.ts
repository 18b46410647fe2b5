import { slotOf, slots } from './slot.js'

/** Where keys are: all in one part, or distributed over the parts of a cluster. */
export interface Parts {
  readonly count: number
  /** The number of the part that holds a key, from 0; the same in every process and every version. */
  of(key: string): number
  /** The prefix of the keys in each part. */
  readonly prefixes: readonly string[]
}

/** The part in which the marks are. */
export const partOfMarks = 0

/** The number of parts that a server distinguishes. */
const partsOfCluster = 64

/**
 * In a cluster every key is in one of 64 parts, chosen by a tag in braces, and each part is one slot. So each part
 * can have its own epoch, a key that exists as long as the part's other keys do and moves with them. The slots are
 * spread evenly, so that shards have about as many parts each. If `prefix` has such a tag already, everything is in
 * one slot, and there is one part.
 *
 * @param before the prefix that the client itself puts before every key
 * @throws TypeError when the prefix keeps the keys of a part from being in one slot
 */
export function partsOf(prefix: string, isCluster: boolean, before = ''): Parts {
  const tag = tagOf(before + prefix)
  if (!isCluster || (tag !== undefined && tag !== '')) return { count: 1, of: () => 0, prefixes: [prefix] }
  if (tag === '')
    throw new TypeError(
      'option prefix: in a cluster it must not have empty braces, nor the keyPrefix of the client',
    )
  const prefixes = new Map<number, string>()
  for (let number = 0; prefixes.size < partsOfCluster; number++) {
    const tagged = `${prefix}{${number}}`
    const part = Math.floor(slotOf(before + tagged) / (slots / partsOfCluster))
    if (!prefixes.has(part)) prefixes.set(part, tagged)
  }
  const inOrder = [...prefixes].sort(([one], [other]) => one - other).map(([, tagged]) => tagged)
  return { count: partsOfCluster, of: partOf, prefixes: inOrder }
}

/** The text in the first braces, if they are closed. Unless it is empty, it alone decides the slot. */
const tagOf = (text: string): string | undefined => /^[^{]*\{([^}]*)\}/.exec(text)?.[1]

/** Both marks that every request reads are in one part. All other keys: FNV-1a over the characters of their family, folded. */
function partOf(key: string): number {
  if (isMarkKey(key)) return partOfMarks
  const length = familyLength(key)
  let hash = 0x811c9dc5
  for (let index = 0; index < length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 16)) & (partsOfCluster - 1)
}

/**
 * How much of a key names what is kept and lost together: a call that waits and all that became of it (`pending:id:ended`),
 * and all versions of what is under a key (`key:series:2`). Where the end of a call was lost and the
 * call was not, it would be made once more.
 */
function familyLength(key: string): number {
  if (key.startsWith(pending)) {
    const end = key.indexOf(':', pending.length)
    return end === -1 ? key.length : end
  }
  const number = key.lastIndexOf(':')
  if (number < 1 || !/^\d+$/.test(key.slice(number + 1))) return key.length
  const series = key.lastIndexOf(':', number - 1)
  return series > 0 && /^(?:[\w-]{12})?$/.test(key.slice(series + 1, number)) ? series : key.length
}

const pending = 'pending:'

/**
 * The key of a mark (`revoked:mark`, `deny:mark`), whose value changes with every change of a list. A negative lookup
 * stays valid while the mark is the same.
 */
export const isMarkKey = (key: string): boolean =>
  key.endsWith(':mark') && key.indexOf(':') === key.length - 5

import { fixedLimits } from './limits.js'

/**
 * Parses a JSON object from a stranger: no duplicate members at any level (the last would silently win), no nesting
 * beyond 16 levels, no more than 128 members of one object. `undefined` for anything else. Members called `__proto__`
 * are left out: whoever copies an object with `Object.assign` would have a prototype from the stranger. The caller
 * bounds the length.
 *
 * @param most members and elements at all levels together
 */
export function parseJsonObject(
  text: string,
  most: number = fixedLimits.jsonSize,
): Record<string, unknown> | undefined {
  const written = countNames(text, most)
  if (written === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const kept = new KeptNames(value)
    if (kept.count !== written) return undefined
    return (kept.hasPrototype ? JSON.parse(text, withoutPrototype) : value) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/**
 * Parses any JSON value from a stranger, bounded as {@link parseJsonObject} is. `undefined` for what readers would not
 * all read alike: duplicate members, and members called `__proto__`.
 *
 * @param most members and elements at all levels together
 */
export function parseJson(text: string, most: number): { readonly value: unknown } | undefined {
  const written = countNames(text, most)
  if (written === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return { value }
    const kept = new KeptNames(value)
    return kept.count === written && !kept.hasPrototype ? { value } : undefined
  } catch {
    return undefined
  }
}

const withoutPrototype = (name: string, value: unknown): unknown => (name === '__proto__' ? undefined : value)

/**
 * How many member names there are, if the text is JSON: colons outside of strings. `undefined` for too much, which is
 * found before JSON.parse: its recursion is native, and many small things cost more than their length says.
 */
function countNames(text: string, most: number): number | undefined {
  let names = 0
  let depth = 0
  let size = 0
  // Of each object that is open, by its level.
  const members: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) i = endOfString(text, i)
    else if (code === colon) {
      names++
      const own = (members[depth] ?? 0) + 1
      if (own > fixedLimits.jsonMembers) return undefined
      members[depth] = own
    } else if (code === openBrace || code === openBracket) {
      if (++depth > fixedLimits.jsonDepth || ++size > most) return undefined
      members[depth] = 0
    } else if (code === closeBrace || code === closeBracket) depth--
    else if (code === comma && ++size > most) return undefined
  }
  return names
}

/** The member names that JSON.parse has kept: of those that occur twice, one. */
class KeptNames {
  count = 0
  hasPrototype = false

  constructor(value: object) {
    this.#look(value)
  }

  #look(value: object): void {
    if (Array.isArray(value)) {
      for (const element of value) this.#enter(element)
      return
    }
    for (const name of Object.keys(value)) {
      this.count++
      if (name === '__proto__') this.hasPrototype = true
      this.#enter((value as Record<string, unknown>)[name])
    }
  }

  #enter(value: unknown): void {
    if (typeof value === 'object' && value !== null) this.#look(value)
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1
  return i
}

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/**
 * Estimates the bytes of V8's heap that a value of JSON takes, never much less than it does: text is the least of it, since `{}` is two
 * characters and sixty bytes, and a member of a name that nobody else uses costs a shape of its own. Measured with
 * Node 20 to 26, 64 bits. Objects that occur twice are counted twice.
 *
 * @param most where counting ends: for a value that takes more, some number above it is returned
 */
export function weightOf(value: unknown, most: number = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return textWeight(value)
  if (typeof value !== 'object' || value === null) return numberBytes
  if (Array.isArray(value)) {
    let weight = arrayBytes
    for (const element of value) {
      weight += slotBytes + weightOf(element, most - weight)
      if (weight > most) break
    }
    return weight
  }
  let weight = objectBytes
  for (const name in value) {
    weight +=
      slotBytes + shapeBytes + name.length + weightOf((value as Record<string, unknown>)[name], most - weight)
    if (weight > most) break
  }
  return weight
}

// One character beyond Latin-1 makes all of a text take two bytes a character. In short ones it is not looked for.
function textWeight(text: string): number {
  const isNarrow = text.length > 64 && !beyondLatin1.test(text)
  return textBytes + (isNarrow ? text.length : 2 * text.length)
}

const beyondLatin1 = /[\u0100-\uffff]/
const textBytes = 24
const numberBytes = 16
const slotBytes = 8
const arrayBytes = 48
const objectBytes = 64
/** Bytes that a member takes whose name no other object has: the name, and its part in the shape of its object. */
export const shapeBytes = 152

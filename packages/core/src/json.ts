import { fixedLimits } from './limits.js'

/**
 * Parses a JSON object from a stranger: no repeated members at any level (the last would silently win), no nesting
 * beyond 16 levels, at most 128 members in one object. `undefined` for anything else. Members named `__proto__` are
 * left out, because copying the object with `Object.assign` would set the stranger's prototype. The caller bounds the
 * length.
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
 * Parses any JSON value from a stranger, bounded like {@link parseJsonObject}. `undefined` for text that parsers read
 * differently: repeated members, and members named `__proto__`.
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
 * Counts the member names of JSON text: its colons outside strings. `undefined` for too many, which is found before
 * JSON.parse: its recursion is native, and many small values cost more than their length suggests.
 */
function countNames(text: string, most: number): number | undefined {
  let names = 0
  let depth = 0
  let size = 0
  // For each open object, by its level.
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

/** The member names that JSON.parse has kept: a repeated one counts once. */
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
 * Estimates the bytes of V8's heap for a JSON value, never much too low. Text is the smallest part: `{}` has two
 * characters and takes sixty bytes, and a member whose name no other object has costs its own shape. Measured with
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

// One character beyond Latin-1 makes a whole text take two bytes per character. Short texts are not searched for one.
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
/** Bytes for a member whose name no other object has: the name, and its part in the object's shape. */
export const shapeBytes = 152

import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  isInnerList,
  parseDictionary,
  Token,
} from 'structured-headers'

/**
 * Parses a Dictionary as RFC 9421 (4.1, 4.2) wants it: labels are unique. The library keeps the last duplicate in
 * silence, so the members of the text are counted against the members of the result.
 */
export function parseLabels(text: string): LabelledFields | undefined {
  let dictionary: Dictionary
  try {
    dictionary = parseDictionary(text)
  } catch {
    return undefined
  }
  const members = splitTopLevel(text, comma)
  if (dictionary.size === 0 || dictionary.size !== members.length) return undefined
  return { dictionary, texts: members }
}

/** A parsed Dictionary with the text of each member, in the order received. */
export interface LabelledFields {
  readonly dictionary: Dictionary
  readonly texts: readonly string[]
}

/** The text of the member with this label. */
export function memberText(fields: LabelledFields, label: string): string {
  return fields.texts[[...fields.dictionary.keys()].indexOf(label)] as string
}

/**
 * The raw text of each parameter of a member, by name; `undefined` when one occurs twice. The text tells `1` from
 * `1.0`, which JavaScript numbers cannot (RFC 9421, 2.3).
 */
export function parameterTexts(member: string): ReadonlyMap<string, string> | undefined {
  const texts = new Map<string, string>()
  for (const part of splitTopLevel(member, semicolon).slice(1)) {
    const equals = part.indexOf('=')
    const name = (equals === -1 ? part : part.slice(0, equals)).trim()
    if (texts.has(name)) return undefined
    texts.set(name, equals === -1 ? '?1' : part.slice(equals + 1).trim())
  }
  return texts
}

/** Whether an item inside the inner list carries a parameter twice. */
export function hasDuplicateItemParameters(member: string): boolean {
  const items = member.slice(member.indexOf('(') + 1, lastOutsideStrings(member, closeParen))
  return splitTopLevel(items, space).some((item) => parameterTexts(item) === undefined)
}

// Splits at a separator outside quoted strings and inner lists. The text has been parsed, so its structure is sound;
// Byte Sequences need no care, since base64 holds none of the separators.
function splitTopLevel(text: string, separator: number): string[] {
  const parts: string[] = []
  let start = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) i = endOfString(text, i)
    else if (code === openParen) depth++
    else if (code === closeParen) depth--
    else if (code === separator && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function lastOutsideStrings(text: string, wanted: number): number {
  let last = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) i = endOfString(text, i)
    else if (code === wanted) last = i
  }
  return last
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1
  return i
}

/** Whether a Dictionary member is an Item, not an Inner List. */
export function isItem(member: Item | InnerList | undefined): member is Item {
  return member !== undefined && !isInnerList(member)
}

/** The text of a Token; `undefined` for every other type. */
export function tokenText(value: BareItem): string | undefined {
  return value instanceof Token ? value.toString() : undefined
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const semicolon = 0x3b
const space = 0x20
const openParen = 0x28
const closeParen = 0x29

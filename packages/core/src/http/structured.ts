import { parseDictionary as dictionary, parseItem as item, parseList as list } from 'structured-headers'
import { fixedLimits } from '../limits.js'

// The parsers of the library, with a limit on their work: an item of two characters costs as much as two hundred
// characters of text, and the sender of a field has proven nothing yet.

/** Parses a Dictionary. @throws when it is malformed, or has too many members */
export const parseDictionary: typeof dictionary = (text) => dictionary(bounded(text))

/** Parses a List. @throws when it is malformed, or has too many members */
export const parseList: typeof list = (text) => list(bounded(text))

/** Parses an Item. @throws when it is malformed, or has too many parameters */
export const parseItem: typeof item = (text) => item(bounded(text))

function bounded(text: string): string {
  if (isBounded(text)) return text
  throw new RangeError('the field has too many members, items or parameters')
}

/**
 * Whether a field is within the limits: on the number of its members, items and parameters, counted by their
 * separators, and on the length of each key and Token.
 */
function isBounded(text: string): boolean {
  let pieces = 0
  let last = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      i = endOfString(text, i)
      last = i
    } else if (
      code === comma ||
      code === semicolon ||
      code === space ||
      code === tab ||
      code === openParen ||
      code === closeParen
    ) {
      if (++pieces > fixedLimits.fieldPieces) return false
      last = i
    } else if (i - last > fixedLimits.fieldPiece) return false
  }
  return true
}

/**
 * Whether a Byte Sequence in the text has a character of base64url, although RFC 8941 (3.3.5) requires base64. It is
 * a common mistake of agents that use JOSE or WebCrypto, and has its own error message.
 */
export function holdsBase64url(text: string): boolean {
  return /:[A-Za-z0-9+/]*[-_][A-Za-z0-9+/_-]*={0,2}:/.test(text)
}

/** Where the quoted string that begins at `start` ends: at its closing quote, or beyond the text. */
export function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1
  return i
}

const tab = 0x09
const space = 0x20
const quote = 0x22
const openParen = 0x28
const closeParen = 0x29
const comma = 0x2c
const semicolon = 0x3b
const backslash = 0x5c

import { randomBytes } from 'node:crypto'
import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  isInnerList,
  type List,
  type Parameters,
  Token,
} from 'structured-headers'
import {
  parseDictionary as readDictionary,
  parseItem as readItem,
  parseList as readList,
} from '../http/structured.js'

/**
 * A Decimal whose fraction is zero. The library reads it as a number, which cannot tell `1.0` from `1`, and writes it
 * as an Integer; RFC 8941 (4.1.5) requires `1.0`. It is passed to the library as a Token, which is written unchanged.
 */
export class WholeDecimal extends Token {
  readonly #text: string

  /** @param integer the digits before the point, with their sign */
  constructor(integer: string) {
    super('decimal')
    const digits = integer.replace(/^-?0*(?=[0-9])/, '')
    this.#text = `${integer.startsWith('-') && digits !== '0' ? '-' : ''}${digits}.0`
  }

  override toString(): string {
    return this.#text
  }
}

/** Parses a Dictionary without changing its Decimals. @throws Error when it is malformed */
export function parseDictionary(text: string): Dictionary {
  return parseKeeping(readDictionary, text, (dictionary) => {
    for (const member of dictionary.values()) restoreMember(member)
  })
}

/** Parses a List without changing its Decimals. @throws Error when it is malformed */
export function parseList(text: string): List {
  return parseKeeping(readList, text, (list) => list.forEach(restoreMember))
}

/** Parses an Item without changing its Decimals. @throws Error when it is malformed */
export function parseItem(text: string): Item {
  return parseKeeping((item) => readItem(item), text, restoreItem)
}

// Replaces such Decimals for the parser by Tokens with a random beginning that nobody can guess.
const mark = `*${randomBytes(6).toString('hex')}`

// Skips Strings and Display Strings. A number begins after what may precede a bare item.
const decimal = /%"[^"]*"|"(?:[^"\\]|\\.)*"|(?<=^|[=( \t,])(-?[0-9]{1,12})\.0{1,3}(?=[;,) \t]|$)/g

/** Honest fields have fewer. Each costs as much as a dozen characters. */
const most = 64

function parseKeeping<T>(parse: (text: string) => T, text: string, restore: (parsed: T) => void): T {
  // Only in a text that parses are all strings certainly terminated.
  const parsed = parse(text)
  let found = 0
  const marked = text.replace(decimal, (all, integer: string | undefined) => {
    if (integer === undefined) return all
    found++
    return `${mark}${integer}`
  })
  if (found === 0) return parsed
  if (found > most) throw new RangeError('too many Decimals')
  const again = parse(marked)
  restore(again)
  return again
}

function restoreMember(member: Item | InnerList): void {
  if (isInnerList(member)) {
    member[0].forEach(restoreItem)
    restoreParameters(member[1])
  } else restoreItem(member)
}

function restoreItem(item: Item): void {
  item[0] = restored(item[0])
  restoreParameters(item[1])
}

function restoreParameters(parameters: Parameters): void {
  for (const [name, value] of parameters) parameters.set(name, restored(value))
}

function restored(value: BareItem): BareItem {
  const text = value instanceof Token ? value.toString() : ''
  return text.startsWith(mark) ? new WholeDecimal(text.slice(mark.length)) : value
}

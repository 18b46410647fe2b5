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
 * A Decimal whose fraction is zero. The library reads one as a number, which cannot tell `1.0` from `1`, and writes it
 * as an Integer; RFC 8941 (4.1.5) writes `1.0`. What it takes for a Token it writes as it stands.
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

/** Parses a Dictionary; a Decimal stays one. @throws Error when it is malformed */
export function parseDictionary(text: string): Dictionary {
  return parseKeeping(readDictionary, text, (dictionary) => {
    for (const member of dictionary.values()) restoreMember(member)
  })
}

/** Parses a List; a Decimal stays one. @throws Error when it is malformed */
export function parseList(text: string): List {
  return parseKeeping(readList, text, (list) => list.forEach(restoreMember))
}

/** Parses an Item; a Decimal stays one. @throws Error when it is malformed */
export function parseItem(text: string): Item {
  return parseKeeping((item) => readItem(item), text, restoreItem)
}

// Where such Decimals stand there are Tokens for the parser, with a beginning that nobody can guess.
const mark = `*${randomBytes(6).toString('hex')}`

// Strings and Display Strings are passed over; a number begins after what may come before a bare item.
const decimal = /%"[^"]*"|"(?:[^"\\]|\\.)*"|(?<=^|[=( \t,])(-?[0-9]{1,12})\.0{1,3}(?=[;,) \t]|$)/g

/** No honest field has more; each costs as much as a dozen characters. */
const most = 64

function parseKeeping<T>(parse: (text: string) => T, text: string, restore: (parsed: T) => void): T {
  // Only of a text that parses are the strings known to end.
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

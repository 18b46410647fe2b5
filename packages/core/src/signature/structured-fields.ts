import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  isInnerList,
  Token,
} from 'structured-headers'
import { endOfString } from '../http/structured.js'
import { parseDictionary, WholeDecimal } from './decimals.js'

/**
 * Parses a Dictionary by the rules of RFC 9421 (2.3, 4.1, 4.2): no label and no parameter may occur twice. The
 * library silently keeps the last one, so the counts in the text are compared with those in the result. RFC 9421 is
 * based on RFC 8941, so the types added by RFC 9651 are malformed here, as they are for other readers of the field.
 */
export function parseLabels(text: string): LabelledFields | undefined {
  let dictionary: Dictionary
  try {
    dictionary = parseDictionary(text)
  } catch {
    return undefined
  }
  const survey = surveyText(text)
  if (survey === undefined || dictionary.size === 0 || dictionary.size !== survey.members.length) {
    return undefined
  }
  return countParameters(dictionary) === survey.parameters ? { dictionary, texts: survey.members } : undefined
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
 * The raw text of each parameter of a member, by name. Only the text distinguishes `1` from `1.0`; JavaScript numbers
 * do not (RFC 9421, 2.3).
 */
export function parameterTexts(member: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const part of splitParameters(member)) {
    const equals = part.indexOf('=')
    const name = (equals === -1 ? part : part.slice(0, equals)).trim()
    texts.set(name, equals === -1 ? '?1' : part.slice(equals + 1).trim())
  }
  return texts
}

function countParameters(dictionary: Dictionary): number {
  let count = 0
  for (const member of dictionary.values()) {
    count += member[1].size
    if (isInnerList(member)) for (const item of member[0]) count += item[1].size
  }
  return count
}

// The functions below read text that has been parsed, so its structure is sound. Outside quoted strings, a comma ends
// a member, a semicolon begins a parameter, and neither is part of a Token or a Byte Sequence.

interface Survey {
  /** The text of each member. */
  readonly members: readonly string[]
  /** Parameters of members and of the items in inner lists. */
  readonly parameters: number
}

/** `undefined` if there is a Date or a Display String, in which a backslash escapes nothing (RFC 9651, 3.3.8). */
function surveyText(text: string): Survey | undefined {
  const members: string[] = []
  let parameters = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      if (text.charCodeAt(i - 1) === percent) return undefined
      i = endOfString(text, i)
    } else if (code === at) return undefined
    else if (code === semicolon) parameters++
    else if (code === comma) {
      members.push(text.slice(start, i))
      start = i + 1
    }
  }
  members.push(text.slice(start))
  return { members, parameters }
}

/** The texts after each semicolon outside the inner list. */
function splitParameters(member: string): string[] {
  const parts: string[] = []
  let start = 0
  let inList = false
  for (let i = 0; i < member.length; i++) {
    const code = member.charCodeAt(i)
    if (code === quote) i = endOfString(member, i)
    else if (code === openParen) inList = true
    else if (code === closeParen) inList = false
    else if (code === semicolon && !inList) {
      parts.push(member.slice(start, i))
      start = i + 1
    }
  }
  parts.push(member.slice(start))
  return parts.slice(1)
}

/** Whether a Dictionary member is an Item, not an Inner List. */
export function isItem(member: Item | InnerList | undefined): member is Item {
  return member !== undefined && !isInnerList(member)
}

/** The text of a Token; `undefined` for every other type. */
export function tokenText(value: BareItem): string | undefined {
  return value instanceof Token && !(value instanceof WholeDecimal) ? value.toString() : undefined
}

const quote = 0x22
const comma = 0x2c
const semicolon = 0x3b
const percent = 0x25
const at = 0x40
const openParen = 0x28
const closeParen = 0x29

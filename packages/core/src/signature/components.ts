import {
  type Dictionary,
  type Item,
  isInnerList,
  parseDictionary,
  parseItem,
  parseList,
  serializeBareItem,
  serializeByteSequence,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
} from 'structured-headers'
import { fieldLines, trimField } from '../http.js'
import type { SignatureContext } from './context.js'

/** A component that cannot be resolved; the signature is then invalid. */
export class UnresolvedComponent {
  readonly identifier: string
  constructor(identifier: string) {
    this.identifier = identifier
  }
}

/** The value of a component (RFC 9421, 2.1 and 2.2), or what could not be resolved. */
export function componentValue(component: Item, context: SignatureContext): string | UnresolvedComponent {
  const [name, parameters] = component
  const value =
    typeof name !== 'string'
      ? undefined
      : name.startsWith('@')
        ? derivedValue(name, parameters, context)
        : fieldComponent(name, parameters, context.rawHeaders)
  return value ?? new UnresolvedComponent(serializeItem(component))
}

type Parameters = Item[1]
type Derive = (context: SignatureContext) => string

const derived: ReadonlyMap<string, Derive> = new Map<string, Derive>([
  ['@method', (context) => context.method],
  ['@authority', (context) => context.authority],
  ['@scheme', (context) => context.scheme],
  ['@path', (context) => pathOf(context.target)],
  ['@query', (context) => queryOf(context.target)],
  ['@target-uri', (context) => `${context.scheme}://${context.authority}${context.target}`],
  ['@request-target', (context) => context.target],
])

function derivedValue(name: string, parameters: Parameters, context: SignatureContext): string | undefined {
  if (name === '@query-param') return queryParameter(parameters, context.target)
  return parameters.size === 0 ? derived.get(name)?.(context) : undefined
}

/** `@path`: absolute, never decoded or rewritten; an empty path is `/` (RFC 9421, 2.2.6). */
function pathOf(target: string): string {
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  return path === '' ? '/' : path
}

/** `@query`: the leading `?` and the raw query; `?` alone when there is none (RFC 9421, 2.2.7). */
function queryOf(target: string): string {
  const question = target.indexOf('?')
  return question === -1 ? '?' : target.slice(question)
}

/** `@query-param` (RFC 9421, 2.2.8): a parameter occurring more than once must not be used. */
function queryParameter(parameters: Parameters, target: string): string | undefined {
  const wanted = parameters.get('name')
  if (parameters.size !== 1 || typeof wanted !== 'string') return undefined
  const values = [...new URLSearchParams(queryOf(target).slice(1))]
    .filter(([name]) => formEncode(name) === wanted)
    .map(([, value]) => formEncode(value))
  return values.length === 1 ? values[0] : undefined
}

// The application/x-www-form-urlencoded percent-encode set leaves letters, digits and `*-._`; a space becomes %20.
function formEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function fieldComponent(
  name: string,
  parameters: Parameters,
  rawHeaders: readonly string[],
): string | undefined {
  const lines = fieldLines(rawHeaders, name).map(trimField)
  if (lines.length === 0) return undefined
  if (parameters.size === 0) return lines.join(', ')
  if (parameters.size > 1) return undefined
  const [[parameter, value]] = parameters as Map<string, unknown> as unknown as [[string, unknown]]
  if (parameter === 'bs' && value === true) return lines.map(asByteSequence).join(', ')
  if (parameter === 'key' && typeof value === 'string') return dictionaryMember(lines.join(', '), value)
  if (parameter === 'sf' && value === true) return strictSerialisation(name, lines.join(', '))
  // `tr` (trailers) cannot be seen before the body; `req` has no meaning in a request.
  return undefined
}

function asByteSequence(line: string): string {
  return serializeByteSequence(Buffer.from(line, 'latin1'))
}

function dictionaryMember(text: string, key: string): string | undefined {
  const member = attempt(() => parseDictionary(text))?.get(key)
  if (member === undefined) return undefined
  return isInnerList(member) ? serializeInnerList(member) : serializeItem(member)
}

const dictionaryType = (text: string): string => serializeDictionary(parseDictionary(text) as Dictionary)
const listType = (text: string): string => serializeList(parseList(text))
const itemType = (text: string): string => serializeItem(parseItem(text))

/** Fields whose structured type is known here; `;sf` on any other fails closed (RFC 9421, 2.1.1). */
const structuredTypes: ReadonlyMap<string, (text: string) => string> = new Map([
  ['aauth-capabilities', listType],
  ['accept-signature', dictionaryType],
  ['content-digest', dictionaryType],
  ['priority', dictionaryType],
  ['repr-digest', dictionaryType],
  ['sec-purpose', itemType],
  ['signature', dictionaryType],
  ['signature-input', dictionaryType],
  ['signature-key', dictionaryType],
  ['want-content-digest', dictionaryType],
])

function strictSerialisation(name: string, text: string): string | undefined {
  const serialise = structuredTypes.get(name)
  return serialise === undefined ? undefined : attempt(() => serialise(text))
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A component identifier in its serialised form: `"@query-param";name="id"`. */
export function serialiseComponent(component: Item): string {
  return component[1].size === 0 ? serializeBareItem(component[0]) : serializeItem(component)
}

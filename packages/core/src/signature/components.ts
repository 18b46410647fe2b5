import {
  type Dictionary,
  type Item,
  isInnerList,
  serializeBareItem,
  serializeByteSequence,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
} from 'structured-headers'
import { trimField } from '../http/message.js'
import { fixedLimits } from '../limits.js'
import type { SignatureContext } from './context.js'
import { parseDictionary, parseItem, parseList } from './decimals.js'

/** Stands for a component that is not part of the request. The signature is then invalid. */
export class UnresolvedComponent {
  readonly identifier: string
  constructor(identifier: string) {
    this.identifier = identifier
  }
}

type Parameters = Item[1]
type Derive = (context: SignatureContext) => string

/**
 * The components of one message. Thirty of them can name members of one long field or query, or fields among
 * thousands. Each is therefore scanned only once: a request without a token must not cost more than its length.
 */
export class Components {
  readonly #context: SignatureContext
  readonly #dictionaries = new Map<string, Dictionary | undefined>()
  #query: ReadonlyMap<string, string | undefined> | undefined
  #lines: ReadonlyMap<string, readonly string[]> | undefined

  constructor(context: SignatureContext) {
    this.#context = context
  }

  /** The value of a component (RFC 9421, 2.1 and 2.2), or what could not be resolved. */
  value(component: Item): string | UnresolvedComponent {
    const [name, parameters] = component
    const value =
      typeof name !== 'string'
        ? undefined
        : name.startsWith('@')
          ? this.#derived(name, parameters)
          : this.#field(name, parameters)
    return value ?? new UnresolvedComponent(serializeItem(component))
  }

  #derived(name: string, parameters: Parameters): string | undefined {
    if (name === '@query-param') return this.#queryParameter(parameters)
    return parameters.size === 0 ? derived.get(name)?.(this.#context) : undefined
  }

  /** `@query-param` (RFC 9421, 2.2.8): a parameter that occurs more than once must not be used. */
  #queryParameter(parameters: Parameters): string | undefined {
    const wanted = parameters.get('name')
    if (parameters.size !== 1 || typeof wanted !== 'string') return undefined
    this.#query ??= readQuery(this.#context.target)
    const name = formDecode(wanted)
    const value = name === undefined ? undefined : this.#query.get(name)
    return value === undefined ? undefined : formEncode(value)
  }

  #field(name: string, parameters: Parameters): string | undefined {
    this.#lines ??= readLines(this.#context.rawHeaders)
    const lines = this.#lines.get(name)
    if (lines === undefined) return undefined
    if (parameters.size === 0) return lines.join(', ')
    if (parameters.size > 1) return undefined
    const [[parameter, value]] = parameters as Map<string, unknown> as unknown as [[string, unknown]]
    if (parameter === 'bs' && value === true) return lines.map(asByteSequence).join(', ')
    if (parameter === 'key' && typeof value === 'string') return this.#member(name, lines.join(', '), value)
    if (parameter === 'sf' && value === true) return strictSerialisation(name, lines.join(', '))
    // `tr` (trailers) cannot be seen before the body; `req` has no meaning in a request.
    return undefined
  }

  #member(name: string, text: string, key: string): string | undefined {
    if (!this.#dictionaries.has(name))
      this.#dictionaries.set(
        name,
        attempt(() => parseDictionary(text)),
      )
    const member = this.#dictionaries.get(name)?.get(key)
    if (member === undefined) return undefined
    return isInnerList(member) ? serializeInnerList(member) : serializeItem(member)
  }
}

const derived: ReadonlyMap<string, Derive> = new Map<string, Derive>([
  ['@method', (context) => context.method],
  ['@authority', (context) => context.authority],
  ['@scheme', (context) => context.scheme],
  ['@path', (context) => pathOf(context.target)],
  ['@query', (context) => queryOf(context.target)],
  ['@target-uri', (context) => `${context.scheme}://${context.authority}${context.target}`],
  ['@request-target', (context) => context.target],
])

/** The function that derives a component without parameters from a request; `undefined` for an unknown name. */
export function deriveBare(name: string): Derive | undefined {
  return derived.get(name)
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

/** All field lines, trimmed, by lower-case name. */
function readLines(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, string[]>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const line = trimField(rawHeaders[i + 1] as string)
    const known = lines.get(name)
    if (known === undefined) lines.set(name, [line])
    else known.push(line)
  }
  return lines
}

/**
 * The decoded parameters of the query; `undefined` for the value of one that occurs more than once. If there are too
 * many, the result is empty: each costs as much as a hundred characters of text.
 */
function readQuery(target: string): ReadonlyMap<string, string | undefined> {
  const values = new Map<string, string | undefined>()
  if (hasMore(target, '&', fixedLimits.queryParameters - 1)) return values
  for (const [name, value] of new URLSearchParams(queryOf(target))) {
    values.set(name, values.has(name) ? undefined : value)
  }
  return values
}

function hasMore(text: string, character: string, most: number): boolean {
  let count = 0
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) {
    if (++count > most) return true
  }
  return false
}

// The application/x-www-form-urlencoded percent-encode set leaves letters, digits and `*-._`; a space becomes %20.
function formEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The name in its only encoded form, or `undefined` if the text has another form. */
function formDecode(encoded: string): string | undefined {
  const decoded = attempt(() => decodeURIComponent(encoded))
  return decoded !== undefined && formEncode(decoded) === encoded ? decoded : undefined
}

function asByteSequence(line: string): string {
  return serializeByteSequence(Buffer.from(line, 'latin1'))
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

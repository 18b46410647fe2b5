import { LRUCache } from 'lru-cache'
import type { Refusal } from '../../errors.js'
import type { HttpRequest } from '../../http/message.js'
import { judgeTimes } from '../freshness.js'
import { boundFields, boundLengths, type ReadSignature, type SignaturePolicy, unsigned } from '../read.js'
import { takeBytes } from './bytes.js'
import { compilePlan, coversAdditional, type Plan, planBase } from './plan.js'
import { type FieldScan, scanFields } from './scan.js'
import { readTokenField } from './token-field.js'

const unusual: unique symbol = Symbol('unusual')

/**
 * Remembered lists of components. Compiling one costs a hundredth of a verification. All routes share one memory, so
 * that the memory that strangers can fill does not grow with their number.
 */
const plans = new LRUCache<string, Plan | typeof unusual>({
  max: 512,
  maxSize: 1024 * 1024,
  sizeCalculation: (plan, text) => 512 + 2 * text.length + (plan === unusual ? 0 : 512 * plan.covered.length),
})

/**
 * Reads signatures of the usual form: one label, bare components, `created` and perhaps `expires`, a token in
 * `Signature-Key`, and each field once, spelt as RFC 8941 serialises it. Everything else is left to the parsers. For
 * the usual form, the parsers would give the same result, including the base and any error.
 */
class UsualReader {
  readonly #policy: SignaturePolicy

  constructor(policy: SignaturePolicy) {
    this.#policy = policy
  }

  /** `undefined`: use the parsers. Nothing has then been checked. @param now seconds */
  read(request: HttpRequest, now: number): ReadSignature | Refusal | typeof unsigned | undefined {
    const { authority, limits, window } = this.#policy
    const scan = scanFields(request.rawHeaders)
    const { input, signature, key } = scan
    if (scan.repeated || scan.hosts !== 1 || scan.host !== authority || !isPlainTarget(request.target))
      return undefined
    if (input === undefined || signature === undefined || key === undefined) {
      return input === signature && signature === key ? unsigned : undefined
    }
    const texts = { input, signature, key }
    const long = boundLengths(texts, limits)
    if (long !== undefined) return long
    if (!decodeLastBytes(signature)) return boundFields(texts, limits)
    const said = readInput(input)
    if (said === undefined || !this.#isEnough(said.plan, scan, request.hasContent)) return undefined
    const { plan, created, parameters } = said
    const jwt = isLabelled(signature, plan.label) ? readTokenField(key, plan.label) : undefined
    if (jwt === undefined) return undefined
    const refused = judgeTimes(created, said.expires, window, now)
    if (refused !== undefined) return refused
    const { method, target, rawHeaders } = request
    const { scheme } = this.#policy
    const base = planBase(plan, { method, target, rawHeaders, authority, scheme }, key, parameters)
    if (base === undefined) return undefined
    const { label, covered } = plan
    const tokenAt = plan.endsWithKey ? tokenIn(base, plan.label, key, parameters) : undefined
    return { label, key: jwt, signature: copyOfDecoded(), base, created, covered, tokenAt }
  }

  #isEnough(plan: Plan, scan: FieldScan, hasContent: boolean | undefined): boolean {
    const { components, limits } = this.#policy
    return (
      plan.coversBase &&
      plan.covered.length <= limits.components &&
      coversAdditional(plan, components, hasContent ?? scan.content) &&
      (!scan.authorization || plan.coversAuthorization)
    )
  }
}

/** Where the token begins in a base whose last line but one is `"signature-key": sig=jwt;jwt="…"`. */
function tokenIn(base: Buffer, label: string, key: string, parameters: string): number {
  const begin = base.length - parameters.length - '\n"@signature-params": '.length - key.length
  return begin + label.length + '=jwt;jwt="'.length
}

/** The content of a `Signature-Input`, whatever request it came with. */
interface Input extends Times {
  readonly text: string
  readonly plan: Plan
  /** The list and its parameters, as received. */
  readonly parameters: string
}

// Agents that sign in the same second mostly send the same bytes here, and comparing them costs a tenth of parsing
// them. Indexed by the last digit, because the agents' clocks differ.
const inputs = new Array<Input | undefined>(16).fill(undefined)

function readInput(text: string): Input | undefined {
  const place = text.charCodeAt(text.length - 1) & 15
  const known = inputs[place]
  if (known !== undefined && known.text === text) return known
  const end = text.indexOf(';created=')
  const times = timesOf(text, end)
  const plan = times === undefined ? undefined : planOf(text, end)
  if (times === undefined || plan === undefined) return undefined
  const { created, expires } = times
  const input = { text, plan, created, expires, parameters: text.slice(plan.label.length + 1) }
  inputs[place] = input
  return input
}

// Nearly all requests to a server cover the same components under the same label.
let lastText: string | undefined
let lastPlan: Plan | undefined

/** The plan for the first `length` characters of `Signature-Input`. */
function planOf(input: string, length: number): Plan | undefined {
  if (lastText !== undefined && lastText.length === length && input.startsWith(lastText)) return lastPlan
  const text = input.slice(0, length)
  let plan = plans.get(text)
  if (plan === undefined) {
    plan = compilePlan(text) ?? unusual
    plans.set(text, plan)
  }
  if (plan === unusual) return undefined
  lastText = text
  lastPlan = plan
  return plan
}

const readers = new WeakMap<SignaturePolicy, UsualReader>()

/** The reader for a policy; the same object each time. */
export function usualReader(policy: SignaturePolicy): UsualReader {
  let reader = readers.get(policy)
  if (reader === undefined) {
    reader = new UsualReader(policy)
    readers.set(policy, reader)
  }
  return reader
}

// No index outside a text is read here and below: V8 would discard the compiled code when that first happens and
// compile it again. In a new process that would be in the first request, and a stranger could choose when.

function isPlainTarget(target: string): boolean {
  return target !== '' && target.charCodeAt(0) === slash && !target.startsWith('//') && !target.includes('#')
}

/** `created` and `expires`, in seconds. */
interface Times {
  readonly created: number
  readonly expires: number | undefined
}

/** Integers without leading zeros, and nothing else after the list. */
function timesOf(input: string, at: number): Times | undefined {
  if (at === -1) return undefined
  const start = at + ';created='.length
  const end = endOfInteger(input, start)
  if (end === -1) return undefined
  const created = Number(input.slice(start, end))
  if (end === input.length) return { created, expires: undefined }
  if (!input.startsWith(';expires=', end)) return undefined
  const last = end + ';expires='.length
  return endOfInteger(input, last) === input.length
    ? { created, expires: Number(input.slice(last)) }
    : undefined
}

function endOfInteger(text: string, start: number): number {
  const first = start < text.length ? text.charCodeAt(start) : 0
  if (!(first > zero && first <= nine)) return -1
  let end = start + 1
  while (end < text.length && text.charCodeAt(end) >= zero && text.charCodeAt(end) <= nine) end++
  return end - start <= 15 ? end : -1
}

// Decoding with Buffer, and encoding again to check the spelling, would cost as much as everything else.
const values = new Uint8Array(256).fill(64)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  values[character.charCodeAt(0)] = value
/** Overwritten by each request, because most refusals need no bytes of their own. */
const decoded = new Uint8Array(64)

/** Decodes the 64 bytes at the end of a field into {@link decoded}. Accepts only the one base64 spelling of them. */
function decodeLastBytes(field: string): boolean {
  const end = field.length - 1
  if (end < 89) return false
  if (field.charCodeAt(end) !== colon || field.charCodeAt(end - 89) !== colon) return false
  if (field.charCodeAt(end - 1) !== equals || field.charCodeAt(end - 2) !== equals) return false
  // Bits that are not set in any value or character code of base64.
  let wrong = 0
  let at = end - 88
  for (let to = 0; to < 63; to += 3, at += 4) {
    const i = field.charCodeAt(at)
    const j = field.charCodeAt(at + 1)
    const k = field.charCodeAt(at + 2)
    const l = field.charCodeAt(at + 3)
    const a = values[i & 255] as number
    const b = values[j & 255] as number
    const c = values[k & 255] as number
    const d = values[l & 255] as number
    wrong |= ((i | j | k | l) & 0xff00) | ((a | b | c | d) & 64)
    decoded[to] = (a << 2) | (b >> 4)
    decoded[to + 1] = (b << 4) | (c >> 2)
    decoded[to + 2] = (c << 6) | d
  }
  const i = field.charCodeAt(at)
  const j = field.charCodeAt(at + 1)
  const a = values[i & 255] as number
  const b = values[j & 255] as number
  decoded[63] = (a << 2) | (b >> 4)
  // The last four bits belong to no byte, so they must be zero in the one spelling.
  return (wrong | ((i | j) & 0xff00) | ((a | b) & 64) | (b & 15)) === 0
}

function copyOfDecoded(): Buffer {
  const bytes = takeBytes(64)
  bytes.set(decoded)
  return bytes
}

function isLabelled(signature: string, label: string): boolean {
  return (
    signature.length === label.length + 91 &&
    signature.charCodeAt(label.length) === equals &&
    signature.startsWith(label)
  )
}

const slash = 0x2f
const zero = 0x30
const nine = 0x39
const equals = 0x3d
const colon = 0x3a

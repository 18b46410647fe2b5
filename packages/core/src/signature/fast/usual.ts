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
 * Lists of components remembered. Compiling one again costs as much as a hundredth of a verification. One memory serves
 * all routes: what strangers can fill does not grow with their number.
 */
const plans = new LRUCache<string, Plan | typeof unusual>({
  max: 512,
  maxSize: 1024 * 1024,
  sizeCalculation: (plan, text) => 512 + 2 * text.length + (plan === unusual ? 0 : 512 * plan.covered.length),
})

/**
 * Reads signatures of the usual shape: one label, bare components, `created` and perhaps `expires`, a token in
 * `Signature-Key`, each field once and spelled as RFC 8941 serialises it. Whatever is not exactly that is left to the
 * parsers, whose verdict on the rest would be the same, base and error included.
 */
class UsualReader {
  readonly #policy: SignaturePolicy

  constructor(policy: SignaturePolicy) {
    this.#policy = policy
  }

  /** `undefined`: for the parsers. The wire has then not been judged either. @param now seconds */
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

/** What a `Signature-Input` says, whatever request it comes with. */
interface Input extends Times {
  readonly text: string
  readonly plan: Plan
  /** The list and its parameters, as received. */
  readonly parameters: string
}

// What agents sign in the same second has mostly the same bytes here: comparing them costs a tenth of reading them. By the
// last digit, since the clocks of agents differ.
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

/** The reader for a policy, the same each time. */
export function usualReader(policy: SignaturePolicy): UsualReader {
  let reader = readers.get(policy)
  if (reader === undefined) {
    reader = new UsualReader(policy)
    readers.set(policy, reader)
  }
  return reader
}

// Here and below nothing is read outside of a text: V8 throws away what it has compiled when that happens first, and compiles
// it again. In a new process this is the first request; and otherwise a stranger would choose when.

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

// By Buffer, and encoded again to see whether it was the one spelling, this costs as much as all other reading.
const values = new Uint8Array(256).fill(64)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  values[character.charCodeAt(0)] = value
/** Written over by each request: most refusals need no bytes of their own. */
const decoded = new Uint8Array(64)

/** Decodes the 64 bytes that a field ends with, in the one spelling of base64 that encodes them, into {@link decoded}. */
function decodeLastBytes(field: string): boolean {
  const end = field.length - 1
  if (end < 89) return false
  if (field.charCodeAt(end) !== colon || field.charCodeAt(end - 89) !== colon) return false
  if (field.charCodeAt(end - 1) !== equals || field.charCodeAt(end - 2) !== equals) return false
  // Bits that no value and no code of a character of base64 has.
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
  // The last four bits are of no byte, so that only zeros are the one spelling.
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

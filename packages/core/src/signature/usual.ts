import { LRUCache } from 'lru-cache'
import type { Refusal } from '../errors.js'
import type { HttpRequest } from '../http.js'
import { judgeTimes } from './freshness.js'
import { compilePlan, type Plan, planBase } from './plan.js'
import { boundFields, boundLengths, type ReadSignature, type SignaturePolicy, unsigned } from './read.js'
import { type FieldScan, scanFields } from './scan.js'

/** Lists of components remembered. Compiling one again costs as much as a hundredth of a verification. */
const plans = 256

/**
 * Reads signatures of the usual shape: one label, bare components, `created` and perhaps `expires`, a token in
 * `Signature-Key`, each field once and spelled as RFC 8941 serialises it. Whatever is not exactly that is left to the
 * parsers, whose verdict on the rest would be the same, base and error included.
 */
class UsualReader {
  readonly #policy: SignaturePolicy
  readonly #plans = new LRUCache<string, Plan | typeof unusual>({ max: plans })

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
    const encoded = signature.slice(-90)
    if (!base64.test(encoded)) return boundFields(texts, limits)
    const long = boundLengths(texts, limits)
    if (long !== undefined) return long
    const end = input.indexOf(';created=')
    const times = timesOf(input, end)
    const plan = times === undefined ? undefined : this.#plan(input.slice(0, end))
    if (times === undefined || plan === undefined || !covers(plan, scan, request.hasContent)) return undefined
    const jwt = isLabelled(signature, plan.label) ? tokenText(key, plan.label) : undefined
    if (jwt === undefined) return undefined
    const refused = judgeTimes(times.created, times.expires, window, now)
    if (refused !== undefined) return refused
    const { method, target, rawHeaders } = request
    const { scheme } = this.#policy
    const parameters = input.slice(plan.label.length + 1)
    const base = planBase(plan, { method, target, rawHeaders, authority, scheme }, key, parameters)
    if (base === undefined) return undefined
    const { label, covered } = plan
    const bytes = Buffer.from(encoded.slice(1, -1), 'base64')
    return { label, key: { scheme: 'jwt', jwt }, signature: bytes, base, created: times.created, covered }
  }

  #plan(text: string): Plan | undefined {
    let plan = this.#plans.get(text)
    if (plan === undefined) {
      const { components, limits } = this.#policy
      plan = compilePlan(text, components, limits.components) ?? unusual
      this.#plans.set(text, plan)
    }
    return plan === unusual ? undefined : (plan as Plan)
  }
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

const unusual: unique symbol = Symbol('unusual')

function isPlainTarget(target: string): boolean {
  return target.charCodeAt(0) === slash && target.charCodeAt(1) !== slash && !target.includes('#')
}

function covers(plan: Plan, scan: FieldScan, hasContent: boolean | undefined): boolean {
  const covered = (hasContent ?? scan.content) ? plan.coversContent : plan.coversPlain
  return covered && (!scan.authorization || plan.coversAuthorization)
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
  const first = text.charCodeAt(start)
  if (!(first > zero && first <= nine)) return -1
  let end = start + 1
  while (text.charCodeAt(end) >= zero && text.charCodeAt(end) <= nine) end++
  return end - start <= 15 ? end : -1
}

// 64 bytes in canonical base64: the last character before the padding carries two bits.
const base64 = /^:[A-Za-z0-9+/]{85}[AQgw]==:$/

function isLabelled(signature: string, label: string): boolean {
  return (
    signature.length === label.length + 91 &&
    signature.charCodeAt(label.length) === equals &&
    signature.startsWith(label)
  )
}

// What an RFC 8941 String may hold without an escape.
const plainString = /^[ !#-[\]-~]*$/

function tokenText(text: string, label: string): string | undefined {
  const start = label.length + 10
  if (!text.startsWith(label) || !text.startsWith('=jwt;jwt="', label.length) || !text.endsWith('"'))
    return undefined
  const jwt = text.slice(start, -1)
  return text.length > start && plainString.test(jwt) ? jwt : undefined
}

const slash = 0x2f
const zero = 0x30
const nine = 0x39
const equals = 0x3d

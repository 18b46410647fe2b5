import { type InnerList, isInnerList } from 'structured-headers'
import { constantRefusal, Refusal, refuse } from '../errors.js'
import { fieldValue, type HttpRequest } from '../http/message.js'
import { holdsBase64url } from '../http/structured.js'
import type { SignatureLimits } from '../limits.js'
import type { Trace } from '../tracing/trace.js'
import { signatureBase } from './base.js'
import { UnresolvedComponent } from './components.js'
import { checkComponentList, checkCoverage } from './coverage.js'
import { checkFreshness } from './freshness.js'
import type { ReadKey, SchemeName } from './key-scheme.js'
import { requiredComponents } from './required.js'
import { readScheme } from './schemes.js'
import {
  isItem,
  type LabelledFields,
  memberText,
  parameterTexts,
  parseLabels,
  tokenText,
} from './structured-fields.js'

/** The signatures that an endpoint accepts. */
export interface SignaturePolicy {
  /** The authority that signatures must cover. */
  readonly authority: string
  readonly scheme: 'https' | 'http'
  /** Components required beside the base components. */
  readonly components: readonly string[]
  /** How many seconds `created` may differ from our clock, either way. */
  readonly window: number
  readonly schemes: readonly SchemeName[]
  readonly limits: SignatureLimits
  /** Told of each check. Present only for an explanation. */
  readonly trace?: Trace | undefined
}

/**
 * A signature that passed every check that needs no key: well formed, covering what is required, fresh, with an
 * accepted scheme.
 */
export interface ReadSignature {
  readonly label: string
  readonly key: ReadKey
  readonly signature: Uint8Array
  readonly base: Buffer
  /** Seconds. */
  readonly created: number
  /** The names of the covered components, including those with parameters. */
  readonly covered: readonly string[]
  /** Where the token begins in the base, in bytes; absent if that has to be searched. */
  readonly tokenAt?: number | undefined
}

/** Stands for a request without any signature field. The endpoint decides whether that is an error. */
export const unsigned: unique symbol = Symbol('unsigned')

/**
 * The refusal for a request without `Signature-Key`, signed by another profile (Web Bot Auth, draft-cavage). Routes
 * that serve unsigned requests serve it too.
 */
export const foreignSignature: Refusal = constantRefusal(
  'invalid_signature',
  'Signature-Input, Signature and Signature-Key are all required',
)

// Refusals that strangers can cause in any number before anything is parsed.
const incomplete = constantRefusal(foreignSignature.code, foreignSignature.details.detail)
const tooLong = constantRefusal(
  'invalid_signature',
  'Signature-Input, Signature or Signature-Key is longer than this server reads',
)
const noSignature = constantRefusal(
  'invalid_signature',
  'Signature has no Byte Sequence as long as a signature',
)
const malformedSignature = constantRefusal('invalid_signature', 'Signature is malformed')
const inBase64url = constantRefusal(
  'invalid_signature',
  'Signature is in base64url; a Byte Sequence is base64, with + and / (RFC 8941, 3.3.5)',
)
const malformed = constantRefusal('invalid_signature', 'Signature-Input or Signature-Key is malformed')

/** {@link foreignSignature} with the requirement that unsigned requests get (G-70). */
export function refuseForeign(requirement: 'agent-token' | 'person-token'): Refusal {
  return new Refusal(foreignSignature.code, { ...foreignSignature.details, requirement })
}

/**
 * Steps 1 to 4 of 11.3.4 and the signature base: every check that needs no key, the cheapest first.
 *
 * @param now seconds
 *
 * @example
 * ```ts
 * import {
 *   type HttpRequest,
 *   readSignature,
 *   Refusal,
 *   type SignaturePolicy,
 *   unsigned,
 * } from '@countersign/core/signature'
 *
 * function keyOf(request: HttpRequest, policy: SignaturePolicy): string | undefined {
 *   const read = readSignature(request, policy, Date.now() / 1000)
 *   if (read === unsigned || read instanceof Refusal) return undefined
 *   return read.key.scheme
 * }
 * ```
 */
export function readSignature(
  request: HttpRequest,
  policy: SignaturePolicy,
  now: number,
): ReadSignature | Refusal | typeof unsigned {
  const { trace } = policy
  trace?.('fields', namesOf(request.rawHeaders))
  const texts = signatureFields(request.rawHeaders)
  if (texts === unsigned || texts instanceof Refusal) return texts
  trace?.('lengths', `${texts.input.length}, ${texts.signature.length} and ${texts.key.length} characters`)
  const fields = parseFields(texts, policy)
  if (fields instanceof Refusal) return fields
  const label = chooseLabel(fields, policy.schemes)
  trace?.('components', memberText(fields.input, label))
  const input = readInput(fields.input, label, policy.limits)
  if (input instanceof Refusal) return input
  const required = requiredComponents(request, policy.components)
  trace?.('coverage', `required: ${required.join(', ')}`)
  const uncovered = checkCoverage(input.list[0], required)
  if (uncovered !== undefined) return uncovered
  trace?.('freshness', timesSeen(input.parameters, policy.window, now))
  return (
    checkFreshness(input.parameters, policy.window, now) ??
    readSelected(request, policy, fields, label, input)
  )
}

function namesOf(rawHeaders: readonly string[]): string {
  const names = ['signature-input', 'signature', 'signature-key']
  const there = names.filter((name) => fieldValue(rawHeaders, name) !== undefined)
  return there.length === 0 ? 'none of them' : there.join(', ')
}

function timesSeen(parameters: ReadonlyMap<string, string>, window: number, now: number): string {
  const [created, expires] = [parameters.get('created'), parameters.get('expires')]
  const until = expires === undefined ? '' : `, expires ${expires}`
  return `created ${created ?? 'is not there'}${until}; it is ${now}, give or take ${window} seconds`
}

/** The three fields, with several lines combined into one value. */
export interface FieldTexts {
  readonly input: string
  readonly signature: string
  readonly key: string
}

/** Step 1. */
function signatureFields(rawHeaders: readonly string[]): FieldTexts | Refusal | typeof unsigned {
  const input = fieldValue(rawHeaders, 'signature-input')
  const signature = fieldValue(rawHeaders, 'signature')
  const key = fieldValue(rawHeaders, 'signature-key')
  if (input === undefined && signature === undefined && key === undefined) return unsigned
  if (key === undefined) return foreignSignature
  if (input === undefined || signature === undefined) return incomplete
  return { input, signature, key }
}

// A Byte Sequence of 64 bytes or more. No accepted algorithm has longer signatures, but their senders should get
// `unsupported_scheme` or `unsupported_algorithm` (steps 4 and 6).
const holdsSignature = /:[A-Za-z0-9+/]{86,}={0,2}:/

/** The checks made before anything is parsed. */
export function boundFields(texts: FieldTexts, limits: SignatureLimits): Refusal | undefined {
  return (
    boundLengths(texts, limits) ??
    (holdsSignature.test(texts.signature) ? undefined : refuseSignature(texts, noSignature))
  )
}

function refuseSignature({ signature }: FieldTexts, refusal: Refusal): Refusal {
  return holdsBase64url(signature) ? inBase64url : refusal
}

/** Refuses fields that are longer than the limits. */
export function boundLengths(texts: FieldTexts, limits: SignatureLimits): Refusal | undefined {
  return texts.input.length > limits.signatureInput ||
    texts.signature.length > limits.signature ||
    texts.key.length > limits.signatureKey
    ? tooLong
    : undefined
}

interface Fields {
  readonly input: LabelledFields
  readonly signature: LabelledFields
  readonly key: LabelledFields
}

function parseFields(texts: FieldTexts, { limits, trace }: SignaturePolicy): Fields | Refusal {
  const refused = boundFields(texts, limits)
  if (refused !== undefined) return refused
  trace?.('syntax')
  const input = parseLabels(texts.input)
  const signature = parseLabels(texts.signature)
  const key = parseLabels(texts.key)
  if (input === undefined || signature === undefined || key === undefined) {
    return signature === undefined ? refuseSignature(texts, malformedSignature) : malformed
  }
  return { input, signature, key }
}

/**
 * The first label, in the order of Signature-Input, whose Signature-Key member has an accepted scheme. If none has,
 * the first label, so that the error is deterministic (G-22).
 */
function chooseLabel(fields: Fields, schemes: readonly SchemeName[]): string {
  const labels = [...fields.input.dictionary.keys()]
  return labels.find((label) => isAccepted(schemeName(fields, label), schemes)) ?? (labels[0] as string)
}

function schemeName(fields: Fields, label: string): string | undefined {
  const member = fields.key.dictionary.get(label)
  return isItem(member) ? tokenText(member[0]) : undefined
}

function isAccepted(name: string | undefined, schemes: readonly string[]): name is SchemeName {
  return name !== undefined && schemes.includes(name)
}

interface SignatureInput {
  readonly list: InnerList
  readonly parameters: ReadonlyMap<string, string>
}

function readInput(fields: LabelledFields, label: string, limits: SignatureLimits): SignatureInput | Refusal {
  const list = fields.dictionary.get(label)
  if (list === undefined || !isInnerList(list))
    return refuse('invalid_signature', 'Signature-Input has no list of components for the label')
  if (list[0].length > limits.components)
    return refuse('invalid_signature', `More than ${limits.components} components are covered`)
  return checkComponentList(list[0]) ?? { list, parameters: parameterTexts(memberText(fields, label)) }
}

/** Step 4, and the base. A component that cannot be resolved fails here, before any fetch. */
function readSelected(
  request: HttpRequest,
  policy: SignaturePolicy,
  fields: Fields,
  label: string,
  input: SignatureInput,
): ReadSignature | Refusal {
  const member = fields.key.dictionary.get(label)
  const name = schemeName(fields, label)
  policy.trace?.('scheme', `${label}=${name}; accepted: ${policy.schemes.join(', ')}`)
  if (!isItem(member) || name === undefined) {
    return refuse(
      'invalid_signature',
      'Signature-Key has no member with a scheme for the label of Signature-Input',
    )
  }
  if (!isAccepted(name, policy.schemes)) {
    return new Refusal('unsupported_scheme', { acceptScheme: policy.schemes })
  }
  const signature = fields.signature.dictionary.get(label)
  if (!isItem(signature) || !(signature[0] instanceof ArrayBuffer)) {
    return refuse('invalid_signature', 'Signature has no Byte Sequence for the label')
  }
  const key = readScheme(name, member[1])
  if (key instanceof Refusal) return key
  policy.trace?.('base', `${request.method} https://${policy.authority}${request.target}`)
  const base = signatureBase(input.list, {
    method: request.method,
    authority: policy.authority,
    scheme: policy.scheme,
    target: request.target,
    rawHeaders: request.rawHeaders,
  })
  if (base instanceof UnresolvedComponent) {
    return refuse('invalid_signature', 'A covered component is not part of the request')
  }
  return {
    label,
    key,
    signature: new Uint8Array(signature[0]),
    base,
    created: Number(input.parameters.get('created')),
    covered: input.list[0].map(([component]) => component as string),
  }
}

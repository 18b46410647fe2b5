import { Refusal } from '../errors.js'
import { NoAnswer } from '../time/deadline.js'

/** Limit on the nesting of input for an engine. */
const deepest = 32
/** Limit on the characters of input for an engine, as JSON. */
export const longest = 1_048_576

/**
 * Says what an engine does not accept although it is JSON; `undefined` for what it accepts. Elements have numbers as
 * names.
 */
export type FindUnfit = (name: string, value: unknown) => string | undefined

/**
 * Copies a value as plain JSON. Input for an engine is often what a stranger has sent; an engine that fails because
 * of it, or misreads it, must not be asked.
 *
 * @param part the part of the question, for the operator
 * @throws NoAnswer with `403` for input that is nested too deeply or too long, or that holds half a surrogate pair, a
 * number that is not finite, or a value without a JSON form (a map, a set, a BigInt, bytes)
 */
export function plainJson(
  part: string,
  value: object,
  findUnfit: FindUnfit = () => undefined,
): Record<string, never> {
  const text = written(part, value)
  if (text.length > longest) throw tooLong(part)
  const plain = JSON.parse(text) as Record<string, never>
  let level: readonly object[] = [plain]
  // Level by level, because the depth is unknown.
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > deepest) throw tooDeep(part)
    level = level.flatMap((parent) =>
      Object.entries(parent).flatMap((entry) => inside(part, entry, findUnfit)),
    )
  }
  return plain
}

function written(part: string, value: object): string {
  let atLeast = 0
  try {
    return JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, member: unknown) {
      // Before `toJSON`, which would turn bytes into an object.
      const what = notJson(this[name])
      if (what !== undefined) throw unfit(`${part} has ${what}`)
      // Parsers that support references make large values from small ones, and their JSON would not fit into memory.
      atLeast += (Array.isArray(this) ? 0 : name.length) + (typeof member === 'string' ? member.length : 1)
      if (atLeast > longest) throw tooLong(part)
      return member
    })
  } catch (cause) {
    // A circular value is recognised only by the error's message.
    const isEndless = cause instanceof TypeError && cause.message.includes('circular')
    throw cause instanceof RangeError || isEndless ? tooDeep(part) : cause
  }
}

/** A value without a JSON form, as parsers of other formats make it. The engine would not see what the handler sees. */
function notJson(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is not finite'
  if (typeof value === 'bigint') return 'a BigInt'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'bytes'
  return value instanceof Map || value instanceof Set ? 'a map or a set' : undefined
}

function inside(part: string, [name, value]: [string, unknown], findUnfit: FindUnfit): readonly object[] {
  // Clients that copy the object would lose this member's content, and handlers that do so would get its members.
  const isLost = name === '__proto__' ? 'a member called __proto__' : undefined
  const what = isLost ?? findUnfit(name, value) ?? (isText(name) && isText(value) ? undefined : brokenText)
  if (what !== undefined) throw unfit(`${part} has ${what}`)
  return typeof value === 'object' && value !== null ? [value] : []
}

/** @throws NoAnswer with `403` for half a surrogate pair, which engines replace or refuse */
export function checkText(part: string, text: string): string {
  if (!isText(text)) throw unfit(`${part} has ${brokenText}`)
  if (text.length > longest) throw tooLong(part)
  return text
}

const isText = (value: unknown): boolean => typeof value !== 'string' || !/\p{Cs}/u.test(value)
const brokenText = 'half a character'

/** The error when a part of the question is too long. */
export const tooLong = (part: string): NoAnswer => unfit(`${part} is longer than ${longest} characters`)
const tooDeep = (part: string): NoAnswer => unfit(`${part} is nested more than ${deepest} levels deep`)

/**
 * The error when an engine cannot be asked about this request's input, or fails because of it: a fault of the
 * request, not of the application.
 *
 * @param reason for the operator
 */
export function unfit(reason: string): NoAnswer {
  const detail = 'The rules of this API cannot be asked about what was sent'
  return new NoAnswer(
    new Refusal('access_denied', { detail, reason: `the policy engine cannot be asked: ${reason}` }),
  )
}

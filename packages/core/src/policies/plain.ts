import { Refusal } from '../errors.js'
import { NoAnswer } from '../time/deadline.js'

/** Levels of nesting of what an engine is told. */
const deepest = 32
/** Characters of what an engine is told, as JSON. */
export const longest = 1_048_576

/** What an engine does not take although it is JSON, in words; `undefined` for what it takes. Elements have numbers for names. */
export type FindUnfit = (name: string, value: unknown) => string | undefined

/**
 * Plain JSON of an engine's own: what it is told is often what a stranger has sent, and an engine that fails at it, or
 * reads it as something else, must not be asked.
 *
 * @param part of the question, for the operator
 * @throws NoAnswer with `403` for what is nested too deeply or too long, or holds half a character, a number that is not finite, or
 * what JSON has no value for (a map, a set, a BigInt, bytes)
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
  // Level by level, since the depth is not known to be small until it has been looked at.
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
      // As it is before `toJSON`, by which bytes make an object of themselves.
      const what = notJson(this[name])
      if (what !== undefined) throw unfit(`${part} has ${what}`)
      // Parsers that know references make much of little, and what is written of it would not fit into memory.
      atLeast += (Array.isArray(this) ? 0 : name.length) + (typeof member === 'string' ? member.length : 1)
      if (atLeast > longest) throw tooLong(part)
      return member
    })
  } catch (cause) {
    // A circle is only told by its message.
    const isEndless = cause instanceof TypeError && cause.message.includes('circular')
    throw cause instanceof RangeError || isEndless ? tooDeep(part) : cause
  }
}

/** What is no value of JSON's, as parsers of other formats make it: the engine would not see what the handler sees. */
function notJson(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is not finite'
  if (typeof value === 'bigint') return 'a BigInt'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'bytes'
  return value instanceof Map || value instanceof Set ? 'a map or a set' : undefined
}

function inside(part: string, [name, value]: [string, unknown], findUnfit: FindUnfit): readonly object[] {
  // Clients that assign it to what they send leave out what is in it, and handlers that do so have its members.
  const isLost = name === '__proto__' ? 'a member called __proto__' : undefined
  const what = isLost ?? findUnfit(name, value) ?? (isText(name) && isText(value) ? undefined : brokenText)
  if (what !== undefined) throw unfit(`${part} has ${what}`)
  return typeof value === 'object' && value !== null ? [value] : []
}

/** @throws NoAnswer with `403` for half a character, of which engines make something else, or an error */
export function checkText(part: string, text: string): string {
  if (!isText(text)) throw unfit(`${part} has ${brokenText}`)
  if (text.length > longest) throw tooLong(part)
  return text
}

const isText = (value: unknown): boolean => typeof value !== 'string' || !/\p{Cs}/u.test(value)
const brokenText = 'half a character'

/** The error where a part of the question is too long. */
export const tooLong = (part: string): NoAnswer => unfit(`${part} is longer than ${longest} characters`)
const tooDeep = (part: string): NoAnswer => unfit(`${part} is nested more than ${deepest} levels deep`)

/**
 * The error where an engine cannot be asked about what a request brings, or fails at it: a fault of the request's, whoever
 * has sent it, and not of the application's.
 *
 * @param reason for the operator
 */
export function unfit(reason: string): NoAnswer {
  const detail = 'The rules of this API cannot be asked about what was sent'
  return new NoAnswer(
    new Refusal('access_denied', { detail, reason: `the policy engine cannot be asked: ${reason}` }),
  )
}

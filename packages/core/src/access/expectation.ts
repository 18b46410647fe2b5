import { isYes } from '../time/deadline.js'

/** What a value must be: present (`true`), one of some values, or what a function accepts. */
export type Expectation<Value, About> =
  | true
  | string
  | number
  | readonly (string | number)[]
  | ((value: Value, about: About) => boolean)

/**
 * Whether a value of a token meets the expectation. `true`: it is present and not `null`, `false` or empty. A list
 * passes when one of its members does.
 */
export function matches<Value, About>(
  expected: Expectation<Value, About>,
  value: unknown,
  about: About,
): boolean {
  if (typeof expected === 'function') return value !== undefined && isYes(expected(value as Value, about))
  if (expected === true) return saysSomething(value)
  const wanted: readonly unknown[] = typeof expected === 'object' ? expected : [expected]
  const given: readonly unknown[] = Array.isArray(value) ? value : [value]
  return given.some((member) => wanted.includes(member))
}

function saysSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  return !Array.isArray(value) || value.length > 0
}

/** Whether a value can be an {@link Expectation}. */
export function isExpectation(value: unknown): boolean {
  if (value === true || typeof value === 'function') return true
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.length > 0 && values.every((one) => typeof one === 'string' || typeof one === 'number')
}

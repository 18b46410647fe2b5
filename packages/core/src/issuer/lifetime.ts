import { trimField } from '../http/message.js'

/**
 * The freshness lifetime a response states, in seconds; `undefined` when it states none (RFC 9111, 4.2.1). We are a
 * private cache, so `s-maxage` is not for us. `no-store` and `no-cache` state zero: the floor is the caller's.
 *
 * @param now milliseconds
 */
export function statedLifetime(header: (name: string) => string | null, now: number): number | undefined {
  const control = directives(header('cache-control') ?? '')
  if (control.has('no-store') || control.has('no-cache')) return 0
  const maxAge = control.get('max-age')
  if (maxAge !== undefined) return Math.max(0, deltaSeconds(maxAge) - deltaSeconds(header('age') ?? '0'))
  const expires = header('expires')
  if (expires === null) return undefined
  const date = Date.parse(header('date') ?? '')
  const until = Date.parse(expires)
  // An invalid date, `0` above all, means already expired (RFC 9111, 5.3).
  return Number.isNaN(until) ? 0 : Math.max(0, (until - (Number.isNaN(date) ? now : date)) / 1000)
}

/** Seconds of a `Retry-After`; the date form is not read, since the pause has an upper bound anyway. */
export function retryAfterSeconds(value: string | null): number | undefined {
  return value !== null && /^[0-9]{1,6}$/.test(trimField(value)) ? Number(value) : undefined
}

function directives(value: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of value.slice(0, 1024).split(',')) {
    const equals = part.indexOf('=')
    const name = trimField(equals === -1 ? part : part.slice(0, equals)).toLowerCase()
    const argument = equals === -1 ? '' : trimField(part.slice(equals + 1)).replace(/^"(.*)"$/, '$1')
    if (!found.has(name)) found.set(name, argument)
  }
  return found
}

// What is no number counts as stale (RFC 9111, 4.2.1), what is beyond bounds as the bound (1.2.2).
function deltaSeconds(value: string): number {
  const text = trimField(value)
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), 2 ** 31) : 0
}

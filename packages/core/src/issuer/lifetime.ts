import { trimField } from '../http/message.js'

/**
 * The freshness lifetime that a response states, in seconds; `undefined` when it states none (RFC 9111, 4.2.1). This
 * is a private cache, so `s-maxage` does not apply. `no-store` and `no-cache` count as zero; the caller applies the
 * minimum interval.
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
  // An invalid date, above all `0`, means already expired (RFC 9111, 5.3).
  return Number.isNaN(until) ? 0 : Math.max(0, (until - (Number.isNaN(date) ? now : date)) / 1000)
}

/** The seconds of a `Retry-After`. The date form is ignored, because the pause is bounded anyway. */
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

// A value that is no number counts as stale (RFC 9111, 4.2.1), one beyond the bound as the bound (1.2.2).
function deltaSeconds(value: string): number {
  const text = trimField(value)
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), 2 ** 31) : 0
}

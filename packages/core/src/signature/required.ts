import { fieldLines, hasBody, trimField } from '../http.js'

/** What every AAuth signature covers (11.3.3.1). */
export const baseComponents: readonly string[] = ['@method', '@authority', '@path', 'signature-key']

// A request without content has none of these to cover (G-25).
const bodyComponents: ReadonlySet<string> = new Set(['content-type', 'content-digest', 'content-length'])

/**
 * All components that must be covered on this request: the base, what the endpoint adds, and `authorization` whenever
 * a session token is sent (6.3). A required component has to appear bare: `"signature-key";key="sig"` covers less.
 */
export function requiredComponents(rawHeaders: readonly string[], additional: readonly string[]): string[] {
  const withBody = hasBody(rawHeaders)
  const required = [...baseComponents]
  for (const name of additional) {
    if (!required.includes(name) && (withBody || !bodyComponents.has(name))) required.push(name)
  }
  if (sendsSession(rawHeaders) && !required.includes('authorization')) required.push('authorization')
  return required
}

function sendsSession(rawHeaders: readonly string[]): boolean {
  return fieldLines(rawHeaders, 'authorization').some((line) => /^aauth(?:[ \t]|$)/i.test(trimField(line)))
}

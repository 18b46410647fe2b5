import { fieldLines, trimField } from '../http/message.js'

/** Stands for a malformed session credential. */
export const malformed: unique symbol = Symbol('malformed')

const scheme = /^aauth(?:[ \t]|$)/i
// RFC 9110, 11.2: token68, after the scheme and at least one space.
const credential = /^aauth +([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The token of `Authorization: AAuth`; `undefined` when there are other credentials or none. It is {@link malformed}
 * if it is empty, is more than one token68, or is sent twice (R-208, N-126 to N-128).
 */
export function sessionCredential(rawHeaders: readonly string[]): string | typeof malformed | undefined {
  const lines = fieldLines(rawHeaders, 'authorization').map(trimField)
  if (!lines.some((line) => scheme.test(line))) return undefined
  return (lines.length === 1 ? credential.exec(lines[0] as string)?.[1] : undefined) ?? malformed
}

import { createPublicKey, verify } from 'node:crypto'
import type { Cast } from './cast.js'

/**
 * One verification of the request's base with the key at hand, both found by the value of `Signature`: the minimum
 * work of any verifier of request signatures over node:crypto.
 *
 * @param unseen whether the first request of each agent costs a second verification, in place of that of its token
 */
export function createLimit(cast: Cast, unseen = false): (signature: string) => boolean {
  const seen = new Set<string>()
  const keys = new Map(
    cast.signed.map(({ x }) => [
      x,
      createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    ]),
  )
  const known = new Map(
    cast.signed.map((request) => {
      const at = request.rawHeaders.indexOf('Signature')
      return [request.rawHeaders[at + 1] as string, request]
    }),
  )
  return (value) => {
    const request = known.get(value)
    const key = request === undefined ? undefined : keys.get(request.x)
    if (request === undefined || key === undefined) return false
    if (unseen && !seen.has(request.x)) {
      seen.add(request.x)
      if (!verify(null, request.base, key, request.signature)) return false
    }
    return verify(null, request.base, key, request.signature)
  }
}

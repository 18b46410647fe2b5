import { createPublicKey, verify } from 'node:crypto'
import type { Cast } from './cast.js'

/**
 * One verification of the request's base with the key at hand, both found by the value of `Signature`: what any
 * verifier of request signatures over node:crypto has to do at least.
 */
export function createLimit(cast: Cast): (signature: string) => boolean {
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
    return request !== undefined && key !== undefined && verify(null, request.base, key, request.signature)
  }
}

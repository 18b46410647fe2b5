import { verify } from '@hellocoop/httpsig'
import { calculateJwkThumbprint, createLocalJWKSet, type JSONWebKeySet, type JWK, jwtVerify } from 'jose'
import { authority, issuer, resource } from './world.js'

/** A request in the format of the stack: Node's combined headers. */
export interface StackRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Record<string, string>
}

export function toStackRequest(method: string, target: string, rawHeaders: readonly string[]): StackRequest {
  const [path = '', query = ''] = target.split('?')
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[(rawHeaders[i] as string).toLowerCase()] = rawHeaders[i + 1] as string
  }
  return { method, path, query, headers }
}

/**
 * A typical stack of npm packages: `@hellocoop/httpsig` for the request, `jose` for the token, the key of the one
 * compared with the thumbprint of the other. The issuer's keys are in memory, as with `createRemoteJWKSet`.
 */
export function createStack(jwks: JSONWebKeySet): (request: StackRequest) => Promise<boolean> {
  const keys = createLocalJWKSet(jwks)
  return async (request) => {
    const result = await verify({ ...request, authority }, { maxClockSkew: 3600 })
    if (!result.verified || result.jwt === undefined) return false
    const { payload } = await jwtVerify<{ cnf: { jwk: JWK } }>(result.jwt.raw, keys, {
      typ: 'aa-auth+jwt',
      issuer,
      audience: resource,
    })
    const jkt = await calculateJwkThumbprint(payload.cnf.jwk)
    return jkt === result.thumbprint && String(payload['scope']).split(' ').includes('data.read')
  }
}

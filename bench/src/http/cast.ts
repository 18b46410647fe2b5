import { createPrivateKey, createPublicKey, type JsonWebKey, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  authority,
  createKey,
  type Key,
  mintAuthToken,
  mintJwt,
  type RawRequest,
  resource,
  type SignedRequest,
  signRequest,
  unsigned,
  withField,
} from '../world.js'

// The requests for all processes of a run, passed in a file: the issuer's key, and the requests of every kind.

/** The issuer of the bearer tokens. */
export const bearerIssuer = 'https://issuer.example/'

/**
 * The kinds of requests: agents with valid signatures, ten requests each in a row or in turn (`spread`); callers with
 * plain bearer tokens; and callers that are refused.
 */
export const requestKinds = [
  'signed',
  'spread',
  'bearer',
  'unsigned',
  'malformed',
  'stale',
  'unknown_issuer',
] as const
export type RequestKind = (typeof requestKinds)[number]
type Requests = Readonly<Record<RequestKind, readonly RawRequest[]>>

/** Requests that we refuse, but no framework by itself. */
export const isRefused = (kind: RequestKind): boolean => !['signed', 'spread', 'bearer'].includes(kind)

interface CastFile {
  readonly issuer: JsonWebKey & { readonly kid: string }
  readonly requests: Requests
  /** For each signed request: the signed base, and the public key. */
  readonly verified: readonly { readonly base: string; readonly signature: string; readonly x: string }[]
}

/** Writes a hundred agents with ten signatures each, and all other requests. */
export function writeCast(file: string): void {
  const issuer = createKey()
  const now = Math.floor(Date.now() / 1000)
  const agents = Array.from({ length: 100 }, () => {
    const key = createKey()
    return { key, jwt: mintAuthToken(issuer, key) }
  })
  const signed = agents.flatMap(({ key, jwt }) =>
    Array.from({ length: 10 }, (_, n) => ({ key, request: signRequest(jwt, key, { created: now - n }) })),
  )
  const raw = ({ method, target, rawHeaders }: RawRequest): RawRequest => ({ method, target, rawHeaders })
  const cast: CastFile = {
    issuer: { ...issuer.privateKey.export({ format: 'jwk' }), kid: issuer.kid },
    requests: {
      signed: signed.map(({ request }) => raw(request)),
      spread: Array.from({ length: 10 }, (_, n) => signed.filter((_one, i) => i % 10 === n))
        .flat()
        .map(({ request }) => raw(request)),
      bearer: agents.map(() => bearer(issuer, now)),
      unsigned: [unsigned],
      malformed: signed.map(({ request }) => withField(request, 'Signature', 'sig=:AAAA:')),
      stale: agents.map(({ key, jwt }) => raw(signRequest(jwt, key, { created: now - 7200 }))),
      unknown_issuer: agents.map(({ key }) =>
        raw(signRequest(mintAuthToken(issuer, key, { iss: 'https://nobody.example' }), key)),
      ),
    },
    verified: signed.map(({ key, request: { base, signature } }) => ({
      base: base.toString('latin1'),
      signature: signature.toString('base64'),
      x: key.publicJwk.x as string,
    })),
  }
  writeFileSync(file, JSON.stringify(cast))
}

/** A bearer token with typical claims. */
function bearer(issuer: Key, now: number): RawRequest {
  const jwt = mintJwt(
    { typ: 'JWT', alg: 'EdDSA', kid: issuer.kid },
    {
      iss: bearerIssuer,
      aud: resource,
      sub: randomUUID(),
      scope: 'data.read data.write',
      jti: randomUUID(),
      iat: now,
      exp: now + 3600,
    },
    issuer,
  )
  return { ...unsigned, rawHeaders: ['Host', authority, 'Authorization', `Bearer ${jwt}`] }
}

/** The requests as the other processes read them. */
export interface Cast {
  readonly issuer: Key
  readonly requests: Requests
  readonly signed: readonly (SignedRequest & { readonly x: string })[]
}

export function readCast(file: string): Cast {
  const { issuer, requests, verified } = JSON.parse(readFileSync(file, 'utf8')) as CastFile
  const { kid, ...jwk } = issuer
  const { d: _, ...publicMembers } = jwk
  return {
    issuer: {
      alg: 'Ed25519',
      kid,
      privateKey: createPrivateKey({ key: jwk, format: 'jwk' }),
      publicKey: createPublicKey({ key: publicMembers, format: 'jwk' }),
      publicJwk: { ...publicMembers, alg: 'Ed25519', kid },
    },
    requests,
    signed: verified.map(({ base, signature, x }, i) => ({
      ...(requests.signed[i] as RawRequest),
      base: Buffer.from(base, 'latin1'),
      signature: Buffer.from(signature, 'base64'),
      x,
    })),
  }
}

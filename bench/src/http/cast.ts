import { createPrivateKey, createPublicKey, type JsonWebKey, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  createKey,
  type Key,
  mintAuthToken,
  mintJwt,
  type RawRequest,
  resource,
  type SignedRequest,
  signRequest,
} from '../world.js'

// One cast for all processes of a run, handed over in a file: the issuer's key, signed requests for those who verify
// signatures, bearer tokens for those who verify only tokens.

/** The issuer of the bearer tokens. */
export const bearerIssuer = 'https://issuer.example/'

interface CastFile {
  readonly issuer: JsonWebKey & { readonly kid: string }
  readonly signed: readonly (RawRequest & { base: string; signature: string; x: string })[]
  readonly bearers: readonly string[]
}

/** A hundred agents with ten signatures each, and as many bearer tokens of the same claims. */
export function writeCast(file: string): void {
  const issuer = createKey()
  const now = Math.floor(Date.now() / 1000)
  const signed: CastFile['signed'][number][] = []
  const bearers: string[] = []
  for (let agent = 0; agent < 100; agent++) {
    const key = createKey()
    const jwt = mintAuthToken(issuer, key)
    for (let n = 0; n < 10; n++) {
      const { base, signature, ...request } = signRequest(jwt, key, { created: now - n })
      const x = key.publicJwk.x as string
      signed.push({ ...request, base: base.toString('latin1'), signature: signature.toString('base64'), x })
    }
    bearers.push(
      mintJwt(
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
      ),
    )
  }
  const cast: CastFile = {
    issuer: { ...issuer.privateKey.export({ format: 'jwk' }), kid: issuer.kid },
    signed,
    bearers,
  }
  writeFileSync(file, JSON.stringify(cast))
}

/** The cast as the other processes see it. */
export interface Cast {
  readonly issuer: Key
  readonly signed: readonly (SignedRequest & { readonly x: string })[]
  readonly bearers: readonly string[]
}

export function readCast(file: string): Cast {
  const { issuer, signed, bearers } = JSON.parse(readFileSync(file, 'utf8')) as CastFile
  const { kid, ...jwk } = issuer
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const { d: _, ...publicMembers } = jwk
  return {
    issuer: {
      alg: 'Ed25519',
      kid,
      privateKey,
      publicKey: createPublicKey({ key: publicMembers, format: 'jwk' }),
      publicJwk: { ...publicMembers, alg: 'Ed25519', kid },
    },
    signed: signed.map(({ base, signature, ...rest }) => ({
      ...rest,
      base: Buffer.from(base, 'latin1'),
      signature: Buffer.from(signature, 'base64'),
    })),
    bearers,
  }
}

import { importJWK, type JWTPayload, SignJWT } from './jose.js'
import type { TownKey } from './key.js'

/**
 * How a minted token is to be wrong. For tests only: every honest path of the town mints without overrides.
 *
 * @example
 * ps.mintPersonToken({ person, resource, cnf }, { claims: { aud: 'https://other.example' } })
 * ps.mintPersonToken({ person, resource, cnf }, { header: { alg: 'none' }, signature: () => new Uint8Array() })
 */
export interface MintOverrides {
  /** Replace or add claims; a claim set to `undefined` is left out. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Replace or add header members; a member set to `undefined` is left out. */
  readonly header?: Readonly<Record<string, unknown>>
  /** Sign with this key instead of the issuer's (its `kid` and `alg` are then the header's, unless overridden). */
  readonly key?: TownKey
  /** Makes the signature from the signing input `header.payload`; default: a real one. */
  readonly signature?: (input: string) => Uint8Array
}

/**
 * Mints a compact JWT.
 *
 * @example
 * ```ts
 * import { createKey, mintJwt } from '@countersign/devkit'
 *
 * const jwt = await mintJwt(createKey(), 'aa-agent+jwt', { iss: 'https://ap.example' }, { header: { typ: 'JWT' } })
 * ```
 */
export async function mintJwt(
  issuerKey: TownKey,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
  overrides: MintOverrides = {},
): Promise<string> {
  const key = overrides.key ?? issuerKey
  const header = { typ, alg: key.algorithm.name, kid: key.kid }
  const payload = compact({ ...claims, ...overrides.claims })
  if (overrides.header === undefined && overrides.signature === undefined) {
    const signingKey = await importJWK({ ...key.privateJwk }, key.algorithm.name)
    return new SignJWT(payload as JWTPayload).setProtectedHeader(header).sign(signingKey)
  }
  // A JOSE library rightly refuses to write most hostile headers.
  const input = [compact({ ...header, ...overrides.header }), payload].map(encode).join('.')
  const signature = overrides.signature?.(input) ?? (await key.sign(Buffer.from(input)))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

function compact(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

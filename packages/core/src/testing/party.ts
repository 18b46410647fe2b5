import { importPublicJwk, importSigningJwk, type SigningKey, type VerificationKey } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { type SignOptions, signRequest } from '../signature/sign.js'
import { signJws } from '../token/jws.js'
import { newJwks } from './jwk.js'

/** The time of the tests, in seconds. */
export const now = 1_800_000_000

/** A fresh private key. */
export function newKey(alg: 'Ed25519' | 'ES256' = 'Ed25519', kid?: string): SigningKey {
  return importSigningJwk({ ...newJwks(alg).privateJwk, ...(kid === undefined ? {} : { kid }) })
}

/** The key the agent of these tests signs with, and the key of every issuer. */
export const agentKey = newKey()
export const issuerKey = newKey('Ed25519', 'issuer-1')

const { kid: _, ...agentJwk } = agentKey.publicJwk
const common = { jti: 'token-1', iat: now - 10, exp: now + 600, cnf: { jwk: agentJwk } }

/** Claims of one good token of each type. */
export const claims = {
  'aa-agent+jwt': {
    ...common,
    iss: 'https://ap.example',
    dwk: 'aauth-agent.json',
    sub: 'aauth:sam@ap.example',
    ps: 'https://ps.example',
  },
  'aa-person+jwt': {
    ...common,
    iss: 'https://ps.example',
    dwk: 'aauth-person.json',
    aud: 'https://rs.example',
    sub: 'mom-at-rs',
  },
  'aa-auth+jwt': {
    ...common,
    iss: 'https://ps.example',
    dwk: 'aauth-person.json',
    aud: 'https://rs.example',
    ps: 'https://ps.example',
    sub: 'mom-at-rs',
    scope: 'data.read',
  },
} as const

/** Signs a token; what is given replaces or removes (`undefined`) members of the good one. */
export function token(
  typ: keyof typeof claims,
  changes: object = {},
  key: SigningKey = issuerKey,
): Promise<string> {
  return signJws(typ, { ...claims[typ], ...changes }, key)
}

/** Signs a request with a token. */
export async function signed(
  jwt: string,
  options: Partial<SignOptions> = {},
  request: HttpRequest = { method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] },
): Promise<HttpRequest> {
  const fields = await signRequest(
    { ...request, authority: 'rs.example', scheme: 'https' },
    { key: agentKey, signatureKey: { scheme: 'jwt', jwt }, created: now, ...options },
  )
  return { ...request, rawHeaders: [...request.rawHeaders, ...Object.entries(fields).flat()] }
}

/** Issuer keys from memory: every issuer has the one key, and every call is counted. */
export function fakeIssuers(
  overrides: Partial<IssuerKeys> = {},
): IssuerKeys & { readonly fetches: string[] } {
  const fetches: string[] = []
  const key = importPublicJwk(issuerKey.publicJwk) as VerificationKey
  return {
    fetches,
    peek: () => undefined,
    find: async ({ issuer, kid }) => {
      fetches.push(issuer)
      return kid === issuerKey.kid ? key : new Refusal('unknown_key')
    },
    refind: async () => undefined,
    mayFetch: () => true,
    refused: () => undefined,
    admit: () => {},
    knows: () => true,
    classOf: () => 'newcomer',
    metadata: async () => new Refusal('unknown_key'),
    forget: () => {},
    onWithdrawn: () => {},
    inspect: () => {
      throw new Error('not part of these tests')
    },
    warm: async () => {},
    close: () => {},
    ...overrides,
  }
}

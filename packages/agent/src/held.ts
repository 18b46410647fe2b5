import { type IssuedClaims, readClaims } from '@countersign/core/issuer'
import { importPublicJwk, KeyFault } from '@countersign/core/signature'

/** A token that an agent holds. */
export interface HeldToken {
  readonly kind: 'agent' | 'person' | 'auth'
  readonly jwt: string
  readonly claims: IssuedClaims
}

/** A token with fewer seconds left than this is renewed before use (AAuth 7.9.1). */
const margin = 300

/** Reads a token without verifying it; `undefined` when it is no JWT with the claims that every token has. */
export function holdToken(kind: HeldToken['kind'], jwt: unknown): HeldToken | undefined {
  if (typeof jwt !== 'string') return undefined
  const claims = readClaims(jwt)
  if (claims === undefined) return undefined
  const { iss, jti, iat, exp } = claims
  const isToken = [iss, jti].every(isText) && [iat, exp].every(Number.isFinite)
  return isToken ? { kind, jwt, claims: claims as IssuedClaims } : undefined
}

/** Returns the token if it is valid long enough to be presented, otherwise `undefined`. */
export function usable(token: HeldToken | undefined, now: number): HeldToken | undefined {
  if (token === undefined) return undefined
  const { iat, exp } = token.claims
  // A short-lived token is used for half its life.
  return exp - now > Math.min(margin, (exp - iat) / 2) ? token : undefined
}

/** The RFC 7638 thumbprint of the key in `cnf.jwk`; `undefined` when there is no usable key. */
export function confirmationThumbprint({ cnf }: IssuedClaims): string | undefined {
  if (typeof cnf !== 'object' || cnf === null) return undefined
  const key = importPublicJwk((cnf as { readonly jwk?: unknown }).jwk)
  return key instanceof KeyFault ? undefined : key.jkt
}

/**
 * Whether a person or auth token is for this resource: `aud` is its identifier, or an array of only that (RFC 7519,
 * 4.1.3).
 */
export function isFor({ aud }: IssuedClaims, resource: unknown): boolean {
  const audiences: readonly unknown[] = [aud].flat()
  return audiences.length === 1 && audiences[0] === resource
}

/** The scopes in a claim. */
export function scopes(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : []
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

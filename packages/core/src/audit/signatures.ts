import { LRUCache } from 'lru-cache'
import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import { type CompactJws, decodeJws, isSignedFor } from '../token/jws.js'
import { createCipher } from './cipher.js'
import { sha256, splitLine } from './line.js'
import type { Evidence, HiddenValue, TokenEvidence } from './record.js'

/**
 * How the signature of a record fared.
 *
 * - `verified`: request and token verify once more.
 * - `failed`: they verified then and do not now; there is a fault.
 * - `refused-valid`: the request was refused, and its signature verifies under the key that its token names: it was refused
 *   for another reason.
 * - `refused-invalid`: it was refused, and its signature or the token’s does not verify now either.
 * - `unsigned`: nobody signed.
 * - `unread`: it was refused before its signature was read, or answered by what is no signature of its own (a held call that
 *   is carried out, a call of a handler).
 * - `token-missing`: the token, or another value that was signed, is there by its hash only. `secrets` or `tokens` may help.
 * - `key-missing`: the key of the issuer, or of the server that signed, was not at hand then.
 * - `base-missing`: what was signed was too long to be kept.
 * - `erased`: the evidence was erased; `altered`: it is not what it was, and there is a fault.
 */
export type AuditedSignature =
  | 'verified'
  | 'failed'
  | 'refused-valid'
  | 'refused-invalid'
  | 'unsigned'
  | 'unread'
  | 'token-missing'
  | 'key-missing'
  | 'base-missing'
  | 'erased'
  | 'altered'

/** What a record says of the request, of what is verified once more. */
export interface DecidedOn {
  readonly caller?: string
  readonly method?: string
  readonly ps?: string
}

/** The evidence of a record. */
export type Presented = Evidence & { readonly iss?: string; readonly jti?: string; readonly jkt?: string }

/** A token whose own signature has been looked at once more. */
interface CheckedToken {
  readonly key: VerificationKey
  readonly claims: CompactJws['payload']
}

const isRefused = (caller: string | undefined): boolean => caller === 'nobody' || caller === 'unverified'

const isSignedBy = (jws: CompactJws, issuer: VerificationKey): boolean =>
  isSignedFor(jws, issuer) &&
  jws.signature.length === issuer.algorithm.signatureBytes &&
  issuer.algorithm.verify(issuer.key, jws.signingInput, jws.signature)

/** Verifies signatures once more. */
export class SignatureCheck {
  readonly #ciphers: readonly ReturnType<typeof createCipher>[]
  /** Tokens and other values by their hash. */
  readonly #given = new Map<string, string>()
  /** Where a token stands in the log with its issuer's key. */
  readonly #evidence = new Map<string, TokenEvidence & { readonly rank: number }>()
  readonly #tokens = new LRUCache<string, CheckedToken | { readonly fault: string }>({ max: 10_000 })

  /** @param tokens tokens that were presented, where the log has them by hash only */
  constructor(secrets: readonly string[], tokens: readonly string[]) {
    this.#ciphers = secrets.map(createCipher)
    for (const token of tokens) this.#given.set(sha256(token), token)
  }

  /**
   * Notes a token where it stands with more than its hash: as it verified rather than as it was refused, and with its
   * issuer's key rather than without. An issuer that gives the `kid` to another key later has its token refused under that.
   */
  gather(line: string): void {
    if (!/"token":\{"h":"[^"]*",/.test(line)) return
    const parts = splitLine(line)
    const token = parse<Evidence | null>(parts?.evidence ?? 'null')?.token
    if (parts === undefined || token === undefined) return
    const { decision } = parse<{ readonly decision?: DecidedOn } | null>(parts.record) ?? {}
    const rank = (isRefused(decision?.caller) ? 0 : 2) + (token.key === undefined ? 0 : 1)
    if (rank >= (this.#evidence.get(token.h)?.rank ?? 0)) this.#evidence.set(token.h, { ...token, rank })
  }

  /** How it fares, or what does not verify of what verified then. */
  check(
    evidence: Presented,
    { caller, method, ps }: DecidedOn,
  ): AuditedSignature | { readonly fault: string } {
    if (evidence.signature === undefined) return 'unread'
    const refused = isRefused(caller)
    const known = this.#keyOf(evidence, refused)
    if (typeof known === 'string') return known
    if ('fault' in known) return refused ? 'refused-invalid' : known
    const base = this.#baseOf(evidence)
    if (base === undefined) return evidence.base === undefined ? 'base-missing' : 'token-missing'
    const { algorithm, key, jkt } = known.key
    const signature = Buffer.from(evidence.signature, 'base64url')
    const isValid =
      signature.length === algorithm.signatureBytes &&
      algorithm.verify(key, Buffer.from(base, 'latin1'), signature)
    if (refused) return isValid ? 'refused-valid' : 'refused-invalid'
    if (!isValid) return { fault: 'the signature of the request does not verify' }
    const { claims } = known
    if (evidence.jkt !== undefined && evidence.jkt !== jkt) return { fault: 'it was signed with another key' }
    if (claims !== undefined && (claims['iss'] !== evidence.iss || claims['jti'] !== evidence.jti))
      return { fault: 'another token was presented' }
    if (claims !== undefined && ps !== undefined && claims['ps'] !== undefined && claims['ps'] !== ps)
      return { fault: 'the token is of another person server' }
    if (!`\n${base}`.includes(`\n"@method": ${method}\n`)) return { fault: 'another method was signed' }
    return 'verified'
  }

  #keyOf(
    { token, key }: Evidence,
    refused: boolean,
  ):
    | { readonly key: VerificationKey; readonly claims?: CheckedToken['claims'] }
    | { readonly fault: string }
    | 'key-missing'
    | 'token-missing' {
    if (token === undefined) {
      const imported = importPublicJwk(key)
      return imported instanceof KeyFault ? 'key-missing' : { key: imported }
    }
    const name = `${refused} ${token.h}`
    const checked = this.#tokens.get(name) ?? this.#checkToken(token.h, refused)
    if (typeof checked === 'object') this.#tokens.set(name, checked)
    return checked
  }

  /** A refused token may have been so since its issuer’s key was not to be had: it still names the key of the request. */
  #checkToken(
    hash: string,
    refused: boolean,
  ): CheckedToken | { readonly fault: string } | 'key-missing' | 'token-missing' {
    const evidence = this.#evidence.get(hash)
    const jwt =
      evidence?.jwt ?? this.#open({ h: hash, ...(evidence?.s === undefined ? {} : { s: evidence.s }) })
    if (jwt === undefined) return 'token-missing'
    const issuer = importPublicJwk(evidence?.key)
    if (issuer instanceof KeyFault && !refused) return 'key-missing'
    const jws = sha256(jwt) === hash ? decodeJws(jwt, 10_000) : undefined
    if (jws === undefined) return { fault: 'the token is not the one that was presented' }
    if (!(issuer instanceof KeyFault) && !isSignedBy(jws, issuer))
      return { fault: 'the token does not verify under the key of its issuer' }
    const confirmation = importPublicJwk((jws.payload['cnf'] as { readonly jwk?: unknown } | undefined)?.jwk)
    return confirmation instanceof KeyFault
      ? { fault: `the token’s key: ${confirmation.detail}` }
      : { key: confirmation, claims: jws.payload }
  }

  #baseOf({ base, token }: Evidence): string | undefined {
    if (base === undefined) return undefined
    let text = ''
    for (const piece of base) {
      const isToken = typeof piece !== 'string' && piece.h === token?.h
      const value =
        typeof piece === 'string'
          ? piece
          : this.#open(isToken ? (this.#evidence.get(piece.h) ?? piece) : piece)
      if (value === undefined) return undefined
      text += value
    }
    return text
  }

  #open({ h, s, jwt }: HiddenValue & { readonly jwt?: string }): string | undefined {
    if (jwt !== undefined) return jwt
    const given = this.#given.get(h)
    if (given !== undefined || s === undefined) return given
    for (const cipher of this.#ciphers) {
      const value = cipher.open(s)
      if (value !== undefined && sha256(value) === h) return value
    }
    return undefined
  }
}

/** `undefined` for what is no JSON. */
export function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

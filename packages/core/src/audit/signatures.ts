import { LRUCache } from 'lru-cache'
import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import { type CompactJws, decodeJws, isSignedFor } from '../token/jws.js'
import { createCipher } from './cipher.js'
import { sha256, splitLine } from './line.js'
import type { Evidence, HiddenValue, TokenEvidence } from './record.js'

/**
 * The result of verifying a record's signature again.
 *
 * - `verified`: request and token verify again.
 * - `failed`: they verified then and do not now; reported as a fault.
 * - `refused-valid`: the request was refused for another reason: its signature verifies with the key that its token
 *   names.
 * - `refused-invalid`: the request was refused, and its signature or its token does not verify now either.
 * - `unsigned`: the request was not signed.
 * - `unread`: it was refused before its signature was read, or has no signature of its own (a held call carried out,
 *   a call of a handler).
 * - `token-missing`: only the hash of the token, or of another signed value, is stored. `secrets` or `tokens` may
 *   help.
 * - `key-missing`: the key of the issuer, or of the server that signed, was not available then.
 * - `base-missing`: the signed text was too long to be stored.
 * - `erased`: the evidence was erased.
 * - `altered`: the evidence was changed; reported as a fault.
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

/** The part of a decision that is verified again. */
export interface DecidedOn {
  readonly caller?: string
  readonly method?: string
  readonly ps?: string
}

/** The evidence of a record. */
export type Presented = Evidence & { readonly iss?: string; readonly jti?: string; readonly jkt?: string }

/** A token whose own signature was verified again. */
interface CheckedToken {
  readonly key: VerificationKey
  readonly claims: CompactJws['payload']
}

const isRefused = (caller: string | undefined): boolean => caller === 'nobody' || caller === 'unverified'

const isSignedBy = (jws: CompactJws, issuer: VerificationKey): boolean =>
  isSignedFor(jws, issuer) &&
  jws.signature.length === issuer.algorithm.signatureBytes &&
  issuer.algorithm.verify(issuer.key, jws.signingInput, jws.signature)

/** Verifies signatures again. */
export class SignatureCheck {
  readonly #ciphers: readonly ReturnType<typeof createCipher>[]
  /** Tokens and other values by their hash. */
  readonly #given = new Map<string, string>()
  /** The best evidence of a token, with its issuer's key. */
  readonly #evidence = new Map<string, TokenEvidence & { readonly rank: number }>()
  readonly #tokens = new LRUCache<string, CheckedToken | { readonly fault: string }>({ max: 10_000 })

  /** @param tokens presented tokens of which the log has only the hashes */
  constructor(secrets: readonly string[], tokens: readonly string[]) {
    this.#ciphers = secrets.map(createCipher)
    for (const token of tokens) this.#given.set(sha256(token), token)
  }

  /**
   * Notes evidence of a token. Evidence of a verified token is better than that of a refused one, and with the
   * issuer's key better than without. (A token is refused when its issuer has given its `kid` to another key since.)
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

  /** The result for a record, or what no longer verifies. */
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

  /** A token may have been refused because its issuer’s key was not available. It still names the key of the request. */
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

/** `undefined` if the text is not JSON. */
export function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

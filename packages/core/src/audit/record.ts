import type { JsonWebKey } from 'node:crypto'
import type { PersonIdentifier } from '../caller.js'
import type { VerificationKey } from '../crypto/keys.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { ReadSignature } from '../signature/read.js'
import { type CompactJws, decodeJws } from '../token/jws.js'
import type { Cipher } from './cipher.js'
import { salt, sha256 } from './line.js'

/** A signed value that is not stored in clear text: its hash and, if the log has a secret, the encrypted value. */
export interface HiddenValue {
  /** SHA-256 of the value. */
  readonly h: string
  /** The encrypted value; for a token, only where it first occurs. */
  readonly s?: string
}

/** The token that was presented. */
export interface TokenEvidence extends HiddenValue {
  /** The token itself. Only for agent tokens, which name no person. */
  readonly jwt?: string
  /** The issuer's key with which it verified; where the token first occurs. */
  readonly key?: JsonWebKey
}

/** What is needed to verify the signature of a request again. */
export interface Evidence {
  readonly salt: string
  /** The signature base (RFC 9421, 2.5) in pieces, with hidden values between them. */
  readonly base?: readonly (string | HiddenValue)[]
  /** SHA-256 of the base, if it is too long to be stored. */
  readonly baseHash?: string
  /** The signature, in base64url. */
  readonly signature?: string
  readonly token?: TokenEvidence
  /** The key of a server that signed in its own right. */
  readonly key?: JsonWebKey
  /** The hash of the person named by a token that did not verify. */
  readonly claimed?: string
}

/** Limit on the characters of a stored base, without its token. */
const longestBase = 8192
/** Tokens remembered as written to the current file. */
const mostTokens = 10_000
/** Limit on the characters of a stored token of a refused request. */
const longestRefused = 4096

/** Fields that hold the caller's own secrets. */
const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
])
/**
 * The values of those fields in a base, and other tokens: those of a label that was not chosen, or in a field of the
 * caller's.
 */
const secrets = new RegExp(
  `(?<=^"(?:${[...secretFields].join('|')})"[^:]*: ).+$|ey[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*`,
  'gm',
)

/** Pieces of bases whose JSON is remembered. Most bases differ only in the second of `created`. */
const mostPieces = 256

/** Makes the evidence of requests. Each token is written once per file. */
export class EvidenceWriter {
  readonly #cipher: Cipher | undefined
  readonly #issuers: Pick<IssuerKeys, 'peek'>
  readonly #hashOf: (person: PersonIdentifier) => string
  readonly #tokens = new Set<string>()
  /** Tokens of refused requests. They are kept apart because their issuer's key may not have been available. */
  readonly #refused = new Set<string>()
  readonly #pieces = new Map<string, string>()

  /** @param hashOf the hash that stands for a person */
  constructor(
    cipher: Cipher | undefined,
    issuers: Pick<IssuerKeys, 'peek'>,
    hashOf: (person: PersonIdentifier) => string,
  ) {
    this.#cipher = cipher
    this.#issuers = issuers
    this.#hashOf = hashOf
  }

  /** Whether the token of a request has been written to the current file as a verified one. */
  has({ key }: ReadSignature): boolean {
    return key.scheme === 'jwt' && this.#tokens.has(key.digest)
  }

  /** A new file has begun, in which each token must be written again. */
  forget(): void {
    this.#tokens.clear()
    this.#refused.clear()
  }

  /**
   * The evidence of a signed request: the members of {@link Evidence} as JSON, without the braces.
   *
   * @param verified whether signature and token have verified. If not, the token is stored encrypted or by its hash
   */
  write(read: ReadSignature, verified: boolean): string {
    const { key } = read
    const signature = Buffer.from(read.signature).toString('base64url')
    const begin = `"salt":"${salt()}","signature":"${signature}"`
    if (key.scheme === 'jwt') {
      const { jwt, digest } = key
      const base = this.#base(piecesOf(read, jwt), digest, read)
      return `${begin},${base},${verified ? `"token":${this.#token(jwt, digest)}` : this.#refusedToken(jwt, digest)}`
    }
    const { id: issuer, dwk, kid } = key
    const found = exported(this.#issuers.peek({ issuer, dwk, kid }))
    return `${begin},${this.#base([read.base.toString('latin1')], '', read)}${found === undefined ? '' : `,"key":${JSON.stringify(found)}`}`
  }

  #base(pieces: readonly string[], digest: string, read: ReadSignature): string {
    let length = 0
    for (const piece of pieces) length += piece.length
    if (length > longestBase) return `"baseHash":"${sha256(read.base)}"`
    const token = `,{"h":"${digest}"},`
    let json = this.#piece(pieces[0] as string)
    for (let i = 1; i < pieces.length; i++) json += token + this.#piece(pieces[i] as string)
    return `"base":[${json}]`
  }

  #piece(piece: string): string {
    const known = this.#pieces.get(piece)
    if (known !== undefined) return known
    const parts: (string | HiddenValue)[] = []
    let from = 0
    for (const match of piece.matchAll(secrets)) {
      const [value] = match
      parts.push(piece.slice(from, match.index), this.#hidden(value, sha256(value)))
      from = match.index + value.length
    }
    parts.push(piece.slice(from))
    const json = JSON.stringify(parts).slice(1, -1)
    // Pieces with secrets are not remembered.
    if (parts.length > 1) return json
    if (this.#pieces.size >= mostPieces) this.#pieces.clear()
    this.#pieces.set(piece, json)
    return json
  }

  #hidden(value: string, h: string): HiddenValue {
    return this.#cipher === undefined ? { h } : { h, s: this.#cipher.close(value) }
  }

  #token(jwt: string, digest: string): string {
    if (!isNew(digest, this.#tokens)) return `{"h":"${digest}"}`
    const jws = decodeJws(jwt, mostTokens)
    const key = this.#keyOf(jws)
    const isAgents = jws?.header['typ'] === 'aa-agent+jwt'
    const evidence: TokenEvidence = {
      ...(isAgents ? { h: digest, jwt } : this.#hidden(jwt, digest)),
      ...(key === undefined ? {} : { key }),
    }
    return JSON.stringify(evidence)
  }

  /**
   * The token of a refused request, whose claims have not been verified. It is stored encrypted, with the hash of the
   * person it names, so that `erase` finds it.
   */
  #refusedToken(jwt: string, digest: string): string {
    const isKept = this.#cipher !== undefined && jwt.length <= longestRefused
    const jws = isKept ? decodeJws(jwt, mostTokens) : undefined
    // It cannot be parsed, so the person it names is unknown, and `erase` would not find it.
    if (jws === undefined) return `"token":{"h":"${digest}"}`
    const person = personIn(jws)
    const claimed = person === undefined ? '' : `,"claimed":"${this.#hashOf(person)}"`
    if (this.#tokens.has(digest) || !isNew(digest, this.#refused))
      return `"token":{"h":"${digest}"}${claimed}`
    const key = this.#keyOf(jws)
    const evidence: TokenEvidence = { ...this.#hidden(jwt, digest), ...(key === undefined ? {} : { key }) }
    return `"token":${JSON.stringify(evidence)}${claimed}`
  }

  #keyOf(jws: CompactJws | undefined): JsonWebKey | undefined {
    const { iss, dwk } = jws?.payload ?? {}
    const query = { issuer: String(iss), dwk: String(dwk), kid: String(jws?.header['kid']) }
    return exported(this.#issuers.peek(query))
  }
}

/** Adds a digest to a set. @returns whether it was not in the set before */
function isNew(digest: string, known: Set<string>): boolean {
  if (known.has(digest)) return false
  if (known.size >= mostTokens) known.clear()
  known.add(digest)
  return true
}

/** The person that a token names, if any. */
function personIn({ header, payload: { iss, ps = iss, sub } }: CompactJws): PersonIdentifier | undefined {
  const server = header['typ'] === 'aa-person+jwt' ? iss : ps
  return typeof server === 'string' && typeof sub === 'string' ? { ps: server, sub } : undefined
}

/** The base without its token. Searching for a text of that length takes long, and so does making a text of it. */
function piecesOf({ base, tokenAt: at }: ReadSignature, jwt: string): readonly string[] {
  const { length } = jwt
  // If the rest is shorter than the token, it cannot contain the token again.
  return at !== undefined && at < length && base.length - at < 2 * length
    ? [base.toString('latin1', 0, at), base.toString('latin1', at + length)]
    : base.toString('latin1').split(jwt)
}

function exported(found: ReturnType<IssuerKeys['peek']>): JsonWebKey | undefined {
  if (found === undefined || !('key' in found)) return undefined
  const { algorithm, key } = found as VerificationKey
  return { ...key.export({ format: 'jwk' }), alg: algorithm.name }
}

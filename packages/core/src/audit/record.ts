import type { JsonWebKey } from 'node:crypto'
import type { PersonIdentifier } from '../caller.js'
import type { VerificationKey } from '../crypto/keys.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { ReadSignature } from '../signature/read.js'
import { type CompactJws, decodeJws } from '../token/jws.js'
import type { Cipher } from './cipher.js'
import { salt, sha256 } from './line.js'

/** A value that was signed and is not in the log as it was: by its hash, and sealed where the log has a secret. */
export interface HiddenValue {
  /** SHA-256 of the value. */
  readonly h: string
  /** The value, for those who have the secret; of a token, where it occurs first. */
  readonly s?: string
}

/** The token that was presented. */
export interface TokenEvidence extends HiddenValue {
  /** The token itself. Only agent tokens, which name no person. */
  readonly jwt?: string
  /** The key of its issuer that it verified under; where the token occurs first. */
  readonly key?: JsonWebKey
}

/** What verifies the signature of a request once more. */
export interface Evidence {
  readonly salt: string
  /** The signature base (RFC 9421, 2.5) in pieces; between them, values that are kept out. */
  readonly base?: readonly (string | HiddenValue)[]
  /** SHA-256 of the base, where it is too long to be kept. */
  readonly baseHash?: string
  /** The signature, in base64url. */
  readonly signature?: string
  readonly token?: TokenEvidence
  /** The key of a server that signed in its own right. */
  readonly key?: JsonWebKey
  /** The hash of whom a token names that did not verify. */
  readonly claimed?: string
}

/** The longest base that is kept, its token left out. */
const longestBase = 8192
/** Tokens that have been written to the current file. */
const mostTokens = 10_000
/** The longest token that is kept of a request that was refused. */
const longestRefused = 4096

/** Fields whose values are secrets of the caller's own. */
const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
])
/** The values of those fields in a base, and other tokens: of the label that was not chosen, or in a field of the caller's. */
const secrets = new RegExp(
  `(?<=^"(?:${[...secretFields].join('|')})"[^:]*: ).+$|ey[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*`,
  'gm',
)

/** Pieces of bases whose JSON is remembered: most differ by the second of `created` alone. */
const mostPieces = 256

/** Makes the evidence of requests; each token is in it once a file. */
export class EvidenceWriter {
  readonly #cipher: Cipher | undefined
  readonly #issuers: Pick<IssuerKeys, 'peek'>
  readonly #hashOf: (person: PersonIdentifier) => string
  readonly #tokens = new Set<string>()
  /** Tokens of requests that were refused: their issuer's key may not have been there. */
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

  /** Whether the token of a request has been written to the current file, as one that has verified. */
  has({ key }: ReadSignature): boolean {
    return key.scheme === 'jwt' && this.#tokens.has(key.digest)
  }

  /** A new file has begun: it has to have each token of its own. */
  forget(): void {
    this.#tokens.clear()
    this.#refused.clear()
  }

  /**
   * The evidence of a request that was signed: the members of {@link Evidence} as JSON, without the braces.
   *
   * @param verified whether its signature and token have verified. Of all others the token is kept sealed or by its hash
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
    // What has secrets in it is not kept in memory.
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
   * The token of a refused request: what it claims has not been verified. It is kept sealed, with the hash of the person it
   * names, so that `erase` finds it.
   */
  #refusedToken(jwt: string, digest: string): string {
    const isKept = this.#cipher !== undefined && jwt.length <= longestRefused
    const jws = isKept ? decodeJws(jwt, mostTokens) : undefined
    // It cannot be parsed, so nobody can tell whom it names, and `erase` would not find it.
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

/** Whether it was not in the set, in which it is from now on. */
function isNew(digest: string, known: Set<string>): boolean {
  if (known.has(digest)) return false
  if (known.size >= mostTokens) known.clear()
  known.add(digest)
  return true
}

/** Whom a token names, if it names anybody. */
function personIn({ header, payload: { iss, ps = iss, sub } }: CompactJws): PersonIdentifier | undefined {
  const server = header['typ'] === 'aa-person+jwt' ? iss : ps
  return typeof server === 'string' && typeof sub === 'string' ? { ps: server, sub } : undefined
}

/** The base without its token. A search for a text of that length takes long, and making a text of it as well. */
function piecesOf({ base, tokenAt: at }: ReadSignature, jwt: string): readonly string[] {
  const { length } = jwt
  // Where the rest is shorter than the token, the token is not in it once more.
  return at !== undefined && at < length && base.length - at < 2 * length
    ? [base.toString('latin1', 0, at), base.toString('latin1', at + length)]
    : base.toString('latin1').split(jwt)
}

function exported(found: ReturnType<IssuerKeys['peek']>): JsonWebKey | undefined {
  if (found === undefined || !('key' in found)) return undefined
  const { algorithm, key } = found as VerificationKey
  return { ...key.export({ format: 'jwk' }), alg: algorithm.name }
}

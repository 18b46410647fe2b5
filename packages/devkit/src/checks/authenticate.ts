import {
  checkContentDigest,
  type HttpRequest,
  importPublicJwk,
  KeyFault,
  type ReadSignature,
  Refusal,
  readSignature,
  type SchemeName,
  type SignaturePolicy,
  unsigned,
  type VerificationKey,
  verifySignature,
} from '@countersign/core/signature'
import type { Env } from '../env.js'
import { type Answer, signatureFault } from '../wire/answers.js'
import type { Incoming } from '../wire/server.js'
import { type Directory, type Document, isObject, type JsonObject } from './directory.js'
import { Fault } from './fault.js'
import { agentDomain } from './identifiers.js'
import { type VerifiedToken, verifyToken } from './tokens.js'

/** An agent whose signature and agent token were verified on this request. */
export interface CallingAgent {
  /** `aauth:sam@ap.example`. */
  readonly agent: string
  readonly token: VerifiedToken
  /** Thumbprint of the signing key. */
  readonly jkt: string
  /** The signing key as a public JWK. */
  readonly jwk: JsonObject
}

/** A server that signed with its own key. */
export interface CallingServer {
  readonly id: string
  readonly document: Document
}

/** The context of the authentication of callers. */
export interface Verifier {
  readonly env: Env
  readonly host: string
  readonly directory: Directory
  isRevoked(issuer: unknown, jti: unknown): boolean
}

/** Seconds by which `created` may differ, in either direction. */
const window = 60

/** A signed request by an agent: scheme `jwt`, its own agent token, bodies covered (AAuth 7.1, 11.3.3.1). */
export async function authenticateAgent(
  request: Incoming,
  verifier: Verifier,
): Promise<CallingAgent | Answer> {
  const read = readSigned(request, verifier, 'jwt')
  if (!('base' in read)) return read
  const jwt = read.key.scheme === 'jwt' ? read.key.jwt : ''
  const token = await verifyToken(jwt, ['aa-agent+jwt'], verifier.directory, verifier.env.now())
  if (token instanceof Fault) {
    return signatureFault(token.code === 'expired' ? 'expired_jwt' : 'invalid_jwt', { detail: token.detail })
  }
  const { iss, sub, jti, cnf } = token.claims
  if (verifier.isRevoked(iss, jti)) return signatureFault('revoked_jwt')
  if (agentDomain(sub) === undefined || `https://${agentDomain(sub)}` !== iss) {
    return signatureFault('invalid_jwt', { detail: 'sub is no agent identifier of its issuer' })
  }
  const jwk = isObject(cnf) ? cnf['jwk'] : undefined
  const key = importPublicJwk(jwk)
  if (key instanceof KeyFault) return keyFault(key)
  const fault = checkSigned(request, read, key)
  return fault ?? { agent: sub as string, token, jkt: key.jkt, jwk: jwk as JsonObject }
}

/** A signed request by a server with its own key: scheme `jwks_uri` (AAuth 11.3.2). */
export async function authenticateServer(
  request: Incoming,
  verifier: Verifier,
  documents: readonly Document[],
): Promise<CallingServer | Answer> {
  const read = readSigned(request, verifier, 'jwks_uri')
  if (!('base' in read)) return read
  if (read.key.scheme !== 'jwks_uri')
    return signatureFault('unsupported_scheme', { acceptScheme: ['jwks_uri'] })
  const { id, dwk, kid } = read.key
  const document = documents.find((name) => name === dwk)
  if (document === undefined)
    return signatureFault('invalid_key', { detail: `dwk ${dwk} is not accepted here` })
  const jwk = await verifier.directory.key(id, document, kid)
  if (jwk instanceof Fault) {
    const known = ['issuer_missing', 'issuer_mismatch'].includes(jwk.code)
    return signatureFault(known ? jwk.code : 'unknown_key', { detail: jwk.detail })
  }
  const key = importPublicJwk(jwk)
  if (key instanceof KeyFault) return keyFault(key)
  return checkSigned(request, read, key) ?? { id, document }
}

function readSigned(request: Incoming, verifier: Verifier, scheme: SchemeName): ReadSignature | Answer {
  const policy: SignaturePolicy = {
    authority: verifier.host,
    scheme: 'https',
    components: ['content-digest', 'content-type'],
    window,
    schemes: [scheme],
    limits: { signatureInput: 4096, signature: 4096, signatureKey: 16_384, components: 32 },
  }
  const read = readSignature(messageOf(request), policy, verifier.env.now())
  if (read === unsigned) return signatureFault('invalid_signature', { detail: 'the request is not signed' })
  if (!(read instanceof Refusal)) return read
  const { detail, requiredInput, acceptScheme } = read.details
  return signatureFault(read.code, { detail, requiredInput, acceptScheme })
}

function checkSigned(request: Incoming, read: ReadSignature, key: VerificationKey): Answer | undefined {
  const refusal = verifySignature(read, key)
  if (refusal !== undefined) return signatureFault(refusal.code, { detail: refusal.details.detail })
  const digest = request.header('content-digest')
  if (digest === undefined) return undefined
  const mismatch = checkContentDigest(digest, request.body)
  return mismatch === undefined
    ? undefined
    : signatureFault(mismatch.code, { detail: mismatch.details.detail })
}

function keyFault(fault: KeyFault): Answer {
  const { detail } = fault
  if (fault.fault === 'incomplete') return signatureFault('invalid_jwt', { detail })
  if (fault.fault === 'invalid') return signatureFault('invalid_key', { detail })
  return signatureFault('unsupported_algorithm', { detail, acceptAlgorithm: ['Ed25519', 'ES256'] })
}

function messageOf(request: Incoming): HttpRequest {
  return { method: request.method, target: request.target, rawHeaders: request.rawHeaders }
}

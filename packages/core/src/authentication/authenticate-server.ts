import { KeyFault, type VerificationKey } from '../crypto/keys.js'
import type { Decisions } from '../decision/decisions.js'
import { Refusal, refuse } from '../errors.js'
import { type HttpRequest, hasBody } from '../http/message.js'
import { checkWire } from '../http/wire.js'
import type { IssuerKeys, KeyQuery } from '../issuer/issuer-keys.js'
import { type ContentCheckContext, checkContent } from '../signature/content-check.js'
import type { JwksUriScheme } from '../signature/key-scheme.js'
import { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from '../signature/read.js'
import { baseComponents } from '../signature/required.js'
import { verifySignature } from '../signature/verify.js'

/** The dependencies of {@link authenticateServer}. */
export interface ServerCallerContext extends ContentCheckContext {
  /** Accepts only `jwks_uri`, and requires the content to be covered. */
  readonly signature: SignaturePolicy
  readonly issuers: IssuerKeys
  readonly decisions: Decisions
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Returns the refusal for a server that this endpoint does not serve. Called before anything is fetched. */
  readonly accepts: (issuer: string, dwk: string) => Refusal | undefined
}

const contentComponents = ['content-type', 'content-digest'] as const

/** The signature policy of an endpoint that servers call, with its own scheme and components. */
export function serverSignaturePolicy(policy: SignaturePolicy): SignaturePolicy {
  return { ...policy, schemes: ['jwks_uri'], components: contentComponents }
}

/**
 * Verifies the signature of a server that calls in its own right, and returns its identifier. The key is the one at
 * the server's own `jwks_uri` (Signature-Key draft, 3.6); the steps, caches and bounds are those for agents. Every
 * check that needs no key comes before the fetch.
 */
export async function authenticateServer(
  request: HttpRequest,
  context: ServerCallerContext,
): Promise<string | Refusal> {
  const read =
    checkWire(request) ?? readSignature(request, context.signature, Math.floor(context.clock() / 1000))
  if (read === unsigned) {
    return new Refusal('invalid_signature', {
      detail: 'The request is not signed; sign it with scheme jwks_uri',
      acceptScheme: context.signature.schemes,
    })
  }
  if (read instanceof Refusal) return read
  const { id, dwk, kid } = read.key as JwksUriScheme
  const refused =
    checkContentCovered(request, read) ??
    context.accepts(id, dwk) ??
    context.issuers.refused(id, dwk) ??
    (await checkContent(request, read, context))
  const unproved = refused ?? (await verifyCaller(read, { issuer: id, dwk, kid }, request, context.issuers))
  const draft = context.decisions.draftOf(request)
  if (draft !== undefined) {
    draft.signature = read
    if (unproved === undefined) draft.server = id
  }
  return unproved ?? id
}

// On other endpoints a request without content has none to cover; here it must have content (AAuth 11.12.1).
function checkContentCovered(request: HttpRequest, read: ReadSignature): Refusal | undefined {
  if (hasBody(request) || contentComponents.every((name) => read.covered.includes(name))) return undefined
  return new Refusal('invalid_input', {
    detail: 'The signature does not cover the content',
    requiredInput: [...baseComponents, ...contentComponents],
  })
}

async function verifyCaller(
  read: ReadSignature,
  query: KeyQuery,
  request: HttpRequest,
  issuers: IssuerKeys,
): Promise<Refusal | undefined> {
  const key = issuers.peek(query) ?? (await issuers.find(query, request))
  if (key instanceof Refusal) return key
  if (key instanceof KeyFault) return refuseKey(key)
  const refused = verifySignature(read, key)
  if (refused === undefined) return undefined
  const fresh = await issuers.refind(query, key, request)
  if (fresh === undefined) return refused
  if (fresh instanceof Refusal) return fresh
  return fresh instanceof KeyFault ? refuseKey(fresh) : verifySignature(read, fresh as VerificationKey)
}

const refuseKey = (key: KeyFault): Refusal =>
  refuse(key.fault === 'unsupported' ? 'unsupported_algorithm' : 'invalid_key', key.detail)

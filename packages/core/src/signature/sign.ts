import {
  type Item,
  type Parameters,
  serializeByteSequence,
  serializeDictionary,
  serializeInnerList,
  Token,
} from 'structured-headers'
import type { SigningKey } from '../crypto/keys.js'
import { signatureBase } from './base.js'
import { UnresolvedComponent } from './components.js'
import type { SignatureContext } from './context.js'
import { parseItem } from './decimals.js'
import type { KeyScheme } from './key-scheme.js'
import { baseComponents } from './required.js'

/** Options of {@link signRequest}. */
export interface SignOptions {
  /** The key. The receiver finds its public half through `signatureKey`. */
  readonly key: Pick<SigningKey, 'sign'>
  /** Where the receiver finds the key: the token, or the signer's own `jwks_uri`. */
  readonly signatureKey: KeyScheme
  /** The time of signing, in seconds. */
  readonly created: number
  /** Seconds. Default: left out. */
  readonly expires?: number
  /**
   * Component identifiers, bare (`content-digest`) or serialised (`"@query-param";name="id"`).
   * Default: `@method`, `@authority`, `@path`, `signature-key`.
   */
  readonly components?: readonly string[]
  /** Default `sig`. */
  readonly label?: string
}

/** The three fields to add to a signed request. */
export interface SignatureFields {
  readonly 'Signature-Input': string
  readonly Signature: string
  readonly 'Signature-Key': string
}

/**
 * Signs a request (RFC 9421, 3.1) and names the key in `Signature-Key`.
 *
 * @throws TypeError when a component is not part of the request
 *
 * @example
 * ```ts
 * import { importSigningJwk, signRequest } from '@countersign/core/signature'
 *
 * const key = importSigningJwk(JSON.parse(process.env['AGENT_KEY'] ?? '{}'))
 * const fields = await signRequest(
 *   { method: 'GET', authority: 'notes.example', scheme: 'https', target: '/notes', rawHeaders: [] },
 *   {
 *     key,
 *     signatureKey: { scheme: 'jwt', jwt: process.env['AGENT_TOKEN'] ?? '' },
 *     created: Math.floor(Date.now() / 1000),
 *   },
 * )
 * const response = await fetch('https://notes.example/notes', { headers: { ...fields } })
 * ```
 */
export async function signRequest(request: SignatureContext, options: SignOptions): Promise<SignatureFields> {
  const label = options.label ?? 'sig'
  const signatureKey = serialiseSignatureKey(label, options.signatureKey)
  const parameters: Parameters = new Map([['created', options.created]])
  if (options.expires !== undefined) parameters.set('expires', options.expires)
  const components = (options.components ?? baseComponents).map(parseComponent)
  const base = signatureBase([components, parameters], {
    ...request,
    rawHeaders: [...request.rawHeaders, 'Signature-Key', signatureKey],
  })
  if (base instanceof UnresolvedComponent)
    throw new TypeError(`the request has no component ${base.identifier}`)
  const signature = await options.key.sign(base)
  return {
    'Signature-Input': `${label}=${serializeInnerList([components, parameters])}`,
    Signature: `${label}=${serializeByteSequence(signature as Uint8Array<ArrayBuffer>)}`,
    'Signature-Key': signatureKey,
  }
}

function parseComponent(identifier: string): Item {
  return identifier.startsWith('"') ? parseItem(identifier) : [identifier, new Map()]
}

/**
 * A `Signature-Key` value with one member (Signature-Key draft, 3).
 *
 * @example
 * ```ts
 * import { serialiseSignatureKey } from '@countersign/core/signature'
 *
 * const value = serialiseSignatureKey('sig', { scheme: 'jwt', jwt: 'eyJ0eXAiOiJhYS1hZ2VudCtqd3QifQ.e30.c2ln' })
 * console.log(value) // sig=jwt;jwt="eyJ…"
 * ```
 */
export function serialiseSignatureKey(label: string, key: KeyScheme): string {
  const { scheme, ...parameters } = key
  return serializeDictionary(new Map([[label, [new Token(scheme), new Map(Object.entries(parameters))]]]))
}

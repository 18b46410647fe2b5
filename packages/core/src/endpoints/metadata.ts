import { algorithms } from '../crypto/algorithms.js'
import type { Endpoint } from '../http/endpoint.js'
import { jsonAnswer } from '../http/message.js'
import { ownUrl } from '../identifiers.js'
import type { OwnKeyRing } from '../own-keys/key-ring.js'

/** Where `aauth-resource.json` is, on every resource (AAuth 11.2.4). */
const metadataPath = '/.well-known/aauth-resource.json'

/** What the documents depend on: checked options of the resource server, by the same names. */
export interface DocumentsContext {
  readonly resource: string
  readonly keys: Pick<OwnKeyRing, 'signing' | 'publicJwks'>
  readonly scopes: ReadonlyMap<string, string>
  readonly paths: {
    readonly jwks: string
    readonly authorization: string
    readonly revocation: string | false
  }
  readonly accessMode: string | undefined
  readonly display: {
    readonly name?: string
    readonly description?: string
    readonly logoUri?: string
    readonly logoDarkUri?: string
    readonly documentationUri?: string
    readonly tosUri?: string
    readonly policyUri?: string
  }
  /** Seconds. */
  readonly signatureWindow: number
  readonly additionalSignatureComponents: readonly string[]
}

/** The endpoint of the metadata, made from the same options that are enforced (AAuth 11.2.4). */
export function metadataEndpoint(config: DocumentsContext): Endpoint {
  const { display } = config
  const answer = jsonAnswer(
    {
      issuer: config.resource,
      jwks_uri: config.keys.signing !== undefined ? ownUrl(config.resource, config.paths.jwks) : undefined,
      authorization_endpoint:
        config.scopes.size > 0 ? ownUrl(config.resource, config.paths.authorization) : undefined,
      revocation_endpoint:
        config.paths.revocation === false ? undefined : ownUrl(config.resource, config.paths.revocation),
      access_mode: config.accessMode,
      name: display.name,
      description: display.description,
      logo_uri: display.logoUri,
      logo_dark_uri: display.logoDarkUri,
      documentation_uri: display.documentationUri,
      tos_uri: display.tosUri,
      policy_uri: display.policyUri,
      scope_descriptions: config.scopes.size > 0 ? Object.fromEntries(config.scopes) : undefined,
      signature_window: config.signatureWindow,
      additional_signature_components:
        config.additionalSignatureComponents.length > 0 ? config.additionalSignatureComponents : undefined,
      accept_signature_algs: [...algorithms.keys()],
    },
    cacheable,
  )
  return { path: metadataPath, methods: ['GET', 'HEAD'], unrecorded: true, handle: () => answer }
}

/** The endpoint of the key set: public members, `alg` and `kid` of every signing key (AAuth 11.4, R-004). */
export function jwksEndpoint(config: DocumentsContext): Endpoint {
  return {
    path: config.paths.jwks,
    methods: ['GET', 'HEAD'],
    unrecorded: true,
    handle: () => jsonAnswer({ keys: config.keys.publicJwks }, cacheable),
  }
}

// Short, so that a key published before a rotation is soon known; readers refetch once a minute at most (11.4).
const cacheable = { 'Cache-Control': 'public, max-age=300' }

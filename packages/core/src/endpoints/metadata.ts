import { algorithms } from '../crypto/algorithms.js'
import type { Endpoint } from '../http/endpoint.js'
import { type Answer, jsonAnswer } from '../http/message.js'
import { ownUrl } from '../identifiers.js'
import type { OwnKeyRing } from '../own-keys/key-ring.js'
import type { AccessMode } from './access-mode.js'
import { cacheable, type Display, displayMembers, documentEndpoint } from './document.js'
import { metadataPath } from './metadata-link.js'

/** What the documents depend on: checked options of the resource server, with the same names. */
export interface DocumentsContext {
  readonly resource: string
  readonly keys: Pick<OwnKeyRing, 'signing' | 'publicJwks'>
  readonly scopes: ReadonlyMap<string, string>
  readonly paths: {
    readonly jwks: string
    readonly authorization: string
    readonly revocation: string | false
  }
  /** The option; `undefined`: derived from the routes. */
  readonly accessMode: AccessMode | undefined
  /** What the most demanding route requires; `undefined`: no route has been declared yet. */
  readonly routesMode: () => AccessMode | undefined
  readonly display: Display
  /** Seconds. */
  readonly signatureWindow: number
  readonly additionalSignatureComponents: readonly string[]
}

/** The metadata endpoint. The metadata is made from the same options that are enforced (AAuth 11.2.4). */
export function metadataEndpoint(config: DocumentsContext): Endpoint {
  const { accessMode, routesMode, scopes } = config
  // Before the first route is declared, the scopes tell what routes to expect.
  const mode = (): AccessMode =>
    accessMode ?? routesMode() ?? (scopes.size > 0 ? 'auth-token' : 'agent-token')
  const made = new Map<AccessMode, Answer>()
  return documentEndpoint(metadataPath, () => {
    const current = mode()
    const answer = made.get(current) ?? metadataAnswer(config, current)
    made.set(current, answer)
    return answer
  })
}

function metadataAnswer(config: DocumentsContext, mode: AccessMode): Answer {
  return jsonAnswer(
    {
      issuer: config.resource,
      jwks_uri: config.keys.signing !== undefined ? ownUrl(config.resource, config.paths.jwks) : undefined,
      authorization_endpoint:
        config.scopes.size > 0 ? ownUrl(config.resource, config.paths.authorization) : undefined,
      revocation_endpoint:
        config.paths.revocation === false ? undefined : ownUrl(config.resource, config.paths.revocation),
      // The default value, so it is left out.
      access_mode: mode === 'agent-token' && config.accessMode === undefined ? undefined : mode,
      ...displayMembers(config.display),
      scope_descriptions: config.scopes.size > 0 ? Object.fromEntries(config.scopes) : undefined,
      signature_window: config.signatureWindow,
      additional_signature_components:
        config.additionalSignatureComponents.length > 0 ? config.additionalSignatureComponents : undefined,
      accept_signature_algs: [...algorithms.keys()],
    },
    cacheable,
  )
}

/** The endpoint of the key set: public members, `alg` and `kid` of every signing key (AAuth 11.4, R-004). */
export function jwksEndpoint(config: DocumentsContext): Endpoint {
  return documentEndpoint(config.paths.jwks, () => jsonAnswer({ keys: config.keys.publicJwks }, cacheable))
}

import { algorithms } from '../crypto/algorithms.js'
import type { Endpoint } from '../http/endpoint.js'
import { jsonAnswer } from '../http/message.js'
import { ownUrl } from '../identifiers.js'
import { cacheable, displayMembers, documentEndpoint } from './document.js'
import type { DocumentsContext } from './metadata.js'

/** Where `aauth-agent.json` is, on the origin of every agent provider (AAuth 11.2.1). */
const metadataPath = '/.well-known/aauth-agent.json'

/**
 * The metadata of the resource as its own agent provider, with the same issuer and keys.
 *
 * @param callback the path to which people come back from a person server
 */
export function agentMetadataEndpoint(
  config: Omit<DocumentsContext, 'routesMode'>,
  callback: string,
): Endpoint {
  const { resource, display, paths } = config
  const answer = jsonAnswer(
    {
      issuer: resource,
      jwks_uri: ownUrl(resource, paths.jwks),
      callback_endpoint: ownUrl(resource, callback),
      ...displayMembers(display),
      accept_signature_algs: [...algorithms.keys()],
    },
    cacheable,
  )
  return documentEndpoint(metadataPath, () => answer)
}

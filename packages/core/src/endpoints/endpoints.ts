import type { Answer, HttpRequest } from '../http.js'
import type { Config } from '../options.js'
import type { Awaitable } from '../store/store.js'
import { type Endpoint, methodNotAllowed } from './endpoint.js'
import { jwksEndpoint, metadataEndpoint } from './metadata.js'

/** All endpoints of a resource server, and the one function that answers for them. */
export interface Endpoints {
  readonly endpoints: readonly Endpoint[]
  /** `undefined` when the path is none of ours. */
  handle(request: HttpRequest): Awaitable<Answer> | undefined
}

/** The endpoints that the options call for. */
export function createEndpoints(config: Config): Endpoints {
  const endpoints = [metadataEndpoint(config), ...(config.keys.length > 0 ? [jwksEndpoint(config)] : [])]
  const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))
  return {
    endpoints,
    handle(request) {
      const question = request.target.indexOf('?')
      const endpoint = byPath.get(question === -1 ? request.target : request.target.slice(0, question))
      if (endpoint === undefined) return undefined
      return endpoint.methods.includes(request.method) ? endpoint.handle(request) : methodNotAllowed(endpoint)
    },
  }
}

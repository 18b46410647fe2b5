import { refused } from '../answer/outcome.js'
import type { OwnAuditLog } from '../audit/log.js'
import { unrecorded } from '../audit/unrecorded.js'
import type { Awaitable } from '../awaitable.js'
import type { Decisions } from '../decision/decisions.js'
import { endOfAnswer } from '../decision/end.js'
import type { Report } from '../events.js'
import { type Endpoint, type Host, methodNotAllowed } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { noteRoute } from '../http/request-view.js'
import { type DocumentsContext, jwksEndpoint, metadataEndpoint } from './metadata.js'

/** All endpoints of a resource server. */
export interface Endpoints {
  readonly endpoints: readonly Endpoint[]
  /** Answers a request to one of them; `undefined` if the path belongs to none. */
  handle(request: HttpRequest, host?: Host): Awaitable<Answer> | undefined
}

/** The endpoints of a resource server: its documents, and `more`. */
export function createEndpoints(
  config: DocumentsContext & {
    readonly decisions: Decisions
    readonly audit: Pick<OwnAuditLog, 'isRefusing'> | undefined
    readonly report: Report
  },
  more: readonly Endpoint[] = [],
): Endpoints {
  const keys = config.keys.signing !== undefined ? [jwksEndpoint(config)] : []
  const { decisions, audit, report } = config
  const endpoints = [metadataEndpoint(config), ...keys, ...more]
  const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))
  const find = (path: string): Endpoint | undefined => {
    const exact = byPath.get(path)
    if (exact !== undefined) return exact.prefix === true ? undefined : exact
    const folder = byPath.get(path.slice(0, path.lastIndexOf('/') + 1))
    return folder?.prefix === true ? folder : undefined
  }
  return {
    endpoints,
    handle(request, host) {
      const question = request.target.indexOf('?')
      const endpoint = find(question === -1 ? request.target : request.target.slice(0, question))
      if (endpoint === undefined) return undefined
      const answer = (): Awaitable<Answer> => {
        if (!endpoint.methods.includes(request.method)) return methodNotAllowed(endpoint)
        return audit?.isRefusing === true && endpoint.unrecorded !== true
          ? refused(unrecorded, report, request).answer
          : endpoint.handle(request, host)
      }
      const route = `${endpoint.path}${endpoint.prefix === true ? '*' : ''}`
      const view = { params: {}, raw: host?.raw, route, id: host?.id, log: host?.log }
      noteRoute(request, view)
      const draft = decisions.begin(request, view)
      if (draft === undefined) return answer()
      return decisions.follow(draft, answer, endOfAnswer)
    },
  }
}

import type { ResourceServer } from '@countersign/core'
import { fromNode, nodeHost, wholeApplication, writeAnswer } from '@countersign/core/adapter'
import type { Request, RequestHandler } from 'express'
import { type Looked, lookAt } from './application.js'
import { attempt } from './attempt.js'
import type { OtherWay } from './other-way.js'
import { idOf } from './route-view.js'
import { mountOf, ownEndpoints, stackOf } from './routes.js'
import { wholeApp } from './whole-app.js'

/** What a guard knows about its endpoints. */
export interface EndpointState {
  /** The handlers that answer at them. */
  readonly handlers: WeakSet<object>
  /** Whether a request has reached one of them. */
  seen: boolean
  /** How many resource tokens were minted before that. */
  minted: number
}

// The hosts of all resources whose `endpoints()` are mounted in this process.
const hosts = new Set<string>()

/** A handler that answers requests to our own endpoints, and leaves all others to the application. */
export function answerEndpoints(
  server: ResourceServer<Request, OtherWay>,
  endpoints: EndpointState,
  looked: Looked,
): RequestHandler {
  const own = new URL(server.resource).host
  hosts.add(own)
  const handler: RequestHandler = (req, res, next) => {
    lookAt(req, server, looked)
    if (looked.fault !== undefined) next(looked.fault)
    else if (hosts.size > 1 && isAnothers(req, own)) next()
    else
      attempt(next, async () => {
        const { baseUrl = '', url }: Partial<Pick<Request, 'baseUrl' | 'url'>> = req
        if (baseUrl === '') endpoints.seen = true
        // A request for exactly the mount path is one of the endpoint's own.
        else if (!endpoints.seen && !/^\/?(?:\?|$)/.test(url ?? ''))
          server.diagnose('AAUTH_ENDPOINTS', `they are mounted under ${printable(baseUrl)}`)
        const host = { ...nodeHost(wholeApplication(req, wholeApp(req)), req), id: idOf(req) }
        const answer = await server.handle(fromNode(req, req.originalUrl, true), host)
        if (answer === undefined) next()
        else {
          endpoints.seen = true
          writeAnswer(answer, res)
        }
      })
  }
  ownEndpoints.add(handler)
  endpoints.handlers.add(handler)
  return handler
}

/** Whether a request is for the host of another resource. */
function isAnothers(req: Request, own: string): boolean {
  // The host as Express reports it or, without an Express application, as the client sent it.
  const { hostname, headers }: Partial<Pick<Request, 'hostname' | 'headers'>> = req
  const named = hostname ?? headers?.host?.replace(/:\d*$/, '')
  const host = named?.toLowerCase().replace(/\.$/, '')
  return host !== undefined && host !== own && hosts.has(host)
}

/**
 * Counts a resource token. The agent that gets it fetches our documents, so the endpoints are missing if none ever
 * does.
 */
export function missEndpoints(
  req: Request,
  server: ResourceServer<Request, OtherWay>,
  endpoints: EndpointState,
): void {
  const app = wholeApp(req)
  const mount = app === undefined ? '' : mountOf(stackOf(app), (handle) => endpoints.handlers.has(handle))
  if (mount === undefined) server.diagnose('AAUTH_ENDPOINTS', 'they are not mounted in this application')
  else if (mount !== '') server.diagnose('AAUTH_ENDPOINTS', `they are mounted under ${mount}`)
  else if (++endpoints.minted === manyTokens)
    server.diagnose('AAUTH_ENDPOINTS', 'no request has come to them: something before them answers')
}

/** Resource tokens after which the endpoints count as missing, if nobody has fetched our documents. */
const manyTokens = 3

/** Strangers choose paths, and a terminal interprets control characters. */
const printable = (path: string): string => path.slice(0, 100).replace(/[^\x21-\x7e]/g, '?')

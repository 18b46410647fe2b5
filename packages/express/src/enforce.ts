import { AAuthError, type ResourceServer } from '@countersign/core'
import {
  type Answered,
  fromNode,
  isPromiseLike,
  keepPrivate,
  type Outcome,
  readOn,
  writeAnswer,
} from '@countersign/core/adapter'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { type Looked, lookAt } from './application.js'
import { fail } from './attempt.js'
import { giveCallId } from './call-id.js'
import { type EndpointState, missEndpoints } from './endpoints.js'
import { type OtherWay, runOther } from './other-way.js'
import type { Requirement } from './request.js'
import { ExpressRoute } from './route-view.js'

/** What the handlers of a guard share, with those of guards made by `with`. */
export interface Shared {
  readonly onError: 'answer' | 'next'
  readonly looked: Looked
  readonly endpoints: EndpointState
}

/** A handler that lets through only the callers that the requirement allows. */
export function enforce(
  server: ResourceServer<Request, OtherWay>,
  shared: Shared,
  requirement: Requirement,
): RequestHandler {
  const { onError, looked, endpoints } = shared
  const link = server.metadataLink.onAnswers ? server.metadataLink.field : undefined
  const route = server.require(requirement)
  const other = typeof requirement === 'string' ? undefined : requirement.or
  const conclude = (outcome: Outcome, req: Request, res: Response, next: NextFunction): void => {
    // The application has answered meanwhile: a caller that was told of a failure must not find the call carried out.
    if (res.writableEnded) return
    let fault: AAuthError | undefined
    try {
      if (!outcome.served && !endpoints.seen && asksForToken(outcome.code))
        missEndpoints(req, server, endpoints)
      // Replaces the result of an earlier guard.
      req.aauth = (outcome.served ? outcome.caller : undefined) as Request['aauth']
      noteObserved(req, outcome.observed)
      if (!outcome.served || outcome.observed !== undefined) readOn(req, res)
      if (outcome.served) {
        if (outcome.headers !== undefined) setHeaders(res, outcome.headers)
      } else if (outcome.or !== true || other === undefined) {
        fault = refuse(outcome, res, onError)
        if (fault === undefined) return
      }
    } catch (error) {
      fail(next, error)
      return
    }
    if (!outcome.served && fault === undefined && other !== undefined)
      runOther(other, outcome, [req, res, next])
    else next(fault)
  }
  return (req, res, next) => {
    let outcome: ReturnType<typeof route.check>
    // Without a framework around it, nothing would catch the error, and the process would end.
    try {
      lookAt(req, server, looked)
      if (looked.fault !== undefined) throw looked.fault
      giveCallId(req)
      keepPrivate(res, link)
      outcome = route.check(fromNode(req, req.originalUrl), new ExpressRoute(req))
    } catch (error) {
      fail(next, error)
      return
    }
    // The usual request is decided at once. A promise would cost more than everything else beside the verification.
    if (isPromiseLike(outcome))
      Promise.resolve(outcome).then(
        (late) => {
          try {
            conclude(late, req, res, next)
          } catch (error) {
            fail(next, error)
          }
        },
        (error: unknown) => fail(next, error),
      )
    else conclude(outcome, req, res, next)
  }
}

/** Sends the answer, or returns the error for the application to answer. */
export function refuse(
  { code, detail, answer }: Answered,
  res: Response,
  onError: Shared['onError'],
): AAuthError | undefined {
  // A `202` is no error: the call is held.
  const isAnswered = onError === 'answer' || answer.status < 400
  // Listeners of `upgrade` have no response and call their middlewares with `{}`.
  if (!isAnswered || typeof res.writeHead !== 'function')
    return new AAuthError(code, answer.status, answer.headers, detail)
  writeAnswer(answer, res)
  return undefined
}

/** Whether an answer with this code carries a resource token. */
const asksForToken = (code: string): boolean => code === 'auth-token' || code === 'user_required'

function setHeaders(res: Response, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader?.(name, value)
}

/** Whether anything was observed in this process. Most processes observe nothing. */
let hasObserved = false

/** Records what was only observed, replacing the result of an earlier guard. */
function noteObserved(req: Request, observed: Request['aauthObserved']): void {
  if (!hasObserved && observed === undefined) return
  hasObserved = true
  if (observed !== req.aauthObserved) req.aauthObserved = observed
}

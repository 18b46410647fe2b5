import { type Answered, challengeBeside } from '@countersign/core/adapter'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { attempt } from './attempt.js'

/** The middlewares of another authentication that a route also accepts. All of them run, in order. */
export type OtherWay = RequestHandler | readonly RequestHandler[]

/** Runs the other way in. If it answers `401`, our challenge is added. */
export function runOther(
  other: OtherWay,
  outcome: Answered,
  [req, res, next]: [Request, Response, NextFunction],
): void {
  const handlers = [other].flat()
  const end = outcome.observed === undefined ? challengeBeside(res, outcome.answer.headers) : () => {}
  const run = (index: number): NextFunction => {
    return (error?: unknown) => {
      // As in Express, `next(null)` is no error: the next handler runs.
      if (error) {
        // With these values the request leaves the route, and its answer is no longer ours.
        if (error === 'route' || error === 'router') end()
        next(error)
        return
      }
      const handler = handlers[index]
      if (handler !== undefined) attempt(next, () => handler(req, res, run(index + 1)))
      else {
        end()
        next()
      }
    }
  }
  run(0)()
}

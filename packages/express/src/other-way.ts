import { type Answered, challengeBeside } from '@countersign/core/adapter'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { attempt } from './attempt.js'

/** The middlewares of another authentication that a route also accepts; all are run, in order. */
export type OtherWay = RequestHandler | readonly RequestHandler[]

/** Runs the other way in. A `401` that it answers carries our challenge as well. */
export function runOther(
  other: OtherWay,
  outcome: Answered,
  [req, res, next]: [Request, Response, NextFunction],
): void {
  const handlers = [other].flat()
  const end = outcome.observed === undefined ? challengeBeside(res, outcome.answer.headers) : () => {}
  const run = (index: number): NextFunction => {
    return (error?: unknown) => {
      // As Express has it: `next(null)` is no error, and the next handler is still to be asked.
      if (error) {
        // With these words the request goes on elsewhere, and whatever is answered there is not ours.
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

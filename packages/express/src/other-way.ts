import { type Answered, challengeBeside } from '@countersign/core/adapter'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { attempt } from './attempt.js'

/** Middlewares that let callers in by other means; all of them, in order. */
export type OtherWay = RequestHandler | readonly RequestHandler[]

/** Runs the other way in; what it answers with `401` carries our challenge as well. */
export function runOther(
  other: OtherWay,
  outcome: Answered,
  [req, res, next]: [Request, Response, NextFunction],
): void {
  const handlers = [other].flat()
  const end = outcome.observed === undefined ? challengeBeside(res, outcome.answer.headers) : () => {}
  const run = (index: number): NextFunction => {
    return (error?: unknown) => {
      const handler = error === undefined ? handlers[index] : undefined
      if (handler !== undefined) attempt(next, () => handler(req, res, run(index + 1)))
      else {
        if (error === undefined) end()
        next(error)
      }
    }
  }
  run(0)()
}

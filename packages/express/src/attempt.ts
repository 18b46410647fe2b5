import type { NextFunction } from 'express'

/**
 * Runs a function and passes its error, thrown or rejected, to `next`. Express 4 ignores promises, no version catches
 * errors of later callbacks, and an unhandled rejection ends the process.
 */
export function attempt(next: NextFunction, work: () => unknown): void {
  try {
    Promise.resolve(work()).catch((error: unknown) => fail(next, error))
  } catch (error) {
    fail(next, error)
  }
}

/** Passes an error to `next`, whatever was thrown: for a falsy value Express would serve the request. */
export function fail(next: NextFunction, error: unknown): void {
  next(isPass(error) ? new Error('failed without saying why') : error)
}

// Values that Express does not treat as an error, or as the end of a route.
const isPass = (error: unknown): boolean => !error || error === 'route' || error === 'router'

import type { NextFunction } from 'express'

/**
 * Runs a function and hands its error, thrown or rejected, to `next`. Express 4 ignores promises, no version sees what is
 * called later, and a rejection that nobody handles ends the process.
 */
export function attempt(next: NextFunction, work: () => unknown): void {
  try {
    Promise.resolve(work()).catch((error: unknown) => fail(next, error))
  } catch (error) {
    fail(next, error)
  }
}

/** Goes on with an error, whatever was thrown: without one Express would serve the request. */
export function fail(next: NextFunction, error: unknown): void {
  next(isPass(error) ? new Error('failed without saying why') : error)
}

// What Express takes for no error, or for the end of a route.
const isPass = (error: unknown): boolean => !error || error === 'route' || error === 'router'

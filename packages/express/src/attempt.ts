import type { NextFunction } from 'express'

/**
 * Runs what may fail, now or later, and tells Express: its version 4 looks at no promise, neither looks at what runs
 * later, and a rejection that nobody handles ends the process.
 */
export function attempt(next: NextFunction, work: () => unknown): void {
  try {
    Promise.resolve(work()).catch(next)
  } catch (error) {
    next(error)
  }
}

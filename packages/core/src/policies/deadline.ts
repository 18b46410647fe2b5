import { z } from '../configuration/schema.js'
import { messageOf } from '../errors.js'
import { unavailable } from '../time/deadline.js'

/** The schema of the option `timeout`. */
export const timeoutSchema: z.ZodType<number | undefined> = z
  .number('must be a number of milliseconds')
  .int('must be whole')
  .min(1, 'must be at least 1')
  .max(60_000, 'must be at most 60000')
  .optional()

/**
 * Asks a policy engine, for so many milliseconds, and no longer than the request has a use for its answer.
 *
 * @param ask given the signal to stop at
 * @throws NoAnswer when there was no answer in time
 */
export async function withinTime<A>(
  input: object,
  timeout: number | undefined,
  ask: (signal: AbortSignal) => Promise<A>,
): Promise<A> {
  const own = AbortSignal.timeout(timeout ?? 2_000)
  const given = 'signal' in input && input.signal instanceof AbortSignal ? [input.signal] : []
  try {
    return await ask(AbortSignal.any([own, ...given]))
  } catch (cause) {
    throw own.aborted && cause === own.reason ? noAnswer(cause) : cause
  }
}

/** The error where an engine could not be reached, or did not answer: no fault of the request's, nor of what was asked. */
export function noAnswer(cause: unknown): Error {
  return unavailable(`the policy engine gave no answer: ${messageOf(cause)}`)
}

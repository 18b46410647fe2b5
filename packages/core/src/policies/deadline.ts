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
 * Asks a policy engine, at most for this long, and no longer than the request waits for the answer.
 *
 * @param ask gets the signal at which to stop
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

/** The error when an engine could not be reached or did not answer. Neither the request nor the question is at fault. */
export function noAnswer(cause: unknown): Error {
  return unavailable(`the policy engine gave no answer: ${messageOf(cause)}`)
}

import type { Help } from '../answer/help.js'
import { type Answered, challenged, failed, refused } from '../answer/outcome.js'
import type { Chaining } from '../chaining/chaining.js'
import { behindOf, OnwardError } from '../chaining/onward-error.js'
import type { Onward } from '../chaining/run.js'
import { Refusal } from '../errors.js'
import type { Report } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { Deferrals } from '../pending/open.js'

/** What calls to suppliers depend on. */
export interface OnwardContext {
  readonly chaining: Chaining | undefined
  readonly deferrals: Deferrals
  readonly report: Report
  readonly help: Help
}

/** Calls to suppliers, for handlers, and the answers to their callers when a call fails or has to wait. */
export interface OnwardCalls {
  /** @throws TypeError when the route does not set `onward: true` */
  onward(request: HttpRequest): Onward
  /**
   * `undefined` for an error that is not ours. Call it only if nothing has been answered: it may put the call on
   * hold.
   */
  answerOnward(request: HttpRequest, error: unknown): Promise<Answered> | undefined
}

export function createOnwardCalls({ chaining, deferrals, report, help }: OnwardContext): OnwardCalls {
  const answer = async (request: HttpRequest, error: OnwardError): Promise<Answered> => {
    const { answer, refusal, wait } = behindOf(error) as NonNullable<ReturnType<typeof behindOf>>
    if (refusal === undefined) return challenged(error.code, answer, report, request)
    const run = chaining?.runOf(request)
    // A wait that began for another request is for another person.
    if (wait === undefined || run?.caller === undefined || chaining === undefined || !run.awaits(wait))
      return refused(refusal, report, request)
    const chain = await chaining.sealWaiting(run, wait)
    if (chain === undefined) return refused(tooLong, report, request)
    const outcome = await deferrals.chained(request, run.caller, { chain, wait })
    // No poll will collect the result.
    if (outcome.answer.status !== 202) void chaining.cancel(chain)
    return outcome
  }
  return {
    onward(request) {
      const run = chaining?.runOf(request)
      if (run !== undefined) return run.fetch
      throw new TypeError(
        chaining === undefined
          ? 'onward: needs the option onward'
          : 'onward: the route has to say onward: true, and its guard has to have served a signed request',
      )
    },
    answerOnward: (request, error) =>
      chaining !== undefined && error instanceof OnwardError && behindOf(error)?.server === chaining.server
        ? answer(request, error)
            .catch((cause: unknown) => failed(cause, report, request))
            .then((outcome) => help.outcome(outcome) as Answered)
        : undefined,
  }
}

const tooLong = new Refusal('server_error', {
  detail: 'The call would have to wait, and what suppliers have answered is too long to be kept',
})

import { type Awaitable, isPromiseLike } from '../awaitable.js'
import { Refusal, refuse } from '../errors.js'
import type { Report } from '../events.js'

/** What every function of the application is handed that may answer later. */
export interface Deadline {
  /**
   * Aborted when the answer is too late (the option `policyTimeout`) and when the client has closed the connection: hand it
   * to what the function waits for, `fetch(url, { signal })`.
   */
  readonly signal: AbortSignal
}

/** A request of which it can be known that its client has gone. */
export interface ClosableRequest {
  /** Calls the listener when the client closes the connection. @returns stops listening */
  readonly onGone?: ((listener: () => void) => () => void) | undefined
}

/**
 * What a function of the application is called with; there is one for each call. The members that the function is to see are
 * assigned to it. Its signal is made when it is read, by a getter of the class: most functions answer at once, and to make it
 * costs more than the rest of a decision.
 */
export class Inquiry implements Deadline {
  readonly #request: ClosableRequest | undefined
  readonly #route: string | undefined
  #abort: AbortController | undefined
  #reason: unknown
  #isOver = false
  #unlisten: (() => void) | undefined

  /**
   * @param request `undefined`: it is about none
   * @param route as it was declared; `undefined`: not known
   */
  constructor(request: ClosableRequest | undefined, route?: string) {
    this.#request = request
    this.#route = route
  }

  get signal(): AbortSignal {
    this.#abort ??= this.#begin()
    return this.#abort.signal
  }

  /** What it is about, for the event. */
  about(): { readonly request: object | undefined; readonly route: string | undefined } {
    return { request: this.#request, route: this.#route }
  }

  /** Whether the client has gone, and the function can know it. */
  get isGone(): boolean {
    return this.#reason === gone
  }

  /** The function has answered, or is not waited for any more. */
  end(): void {
    this.#isOver = true
    this.#unlisten?.()
  }

  abort(reason: unknown): void {
    if (this.#isOver) return
    this.end()
    this.#reason = reason
    this.#abort?.abort(reason)
  }

  #begin(): AbortController {
    const controller = new AbortController()
    if (this.#reason !== undefined) controller.abort(this.#reason)
    else if (!this.#isOver) this.#unlisten = this.#request?.onGone?.(() => this.abort(gone))
    return controller
  }
}

const gone = new DOMException('the client has closed the connection', 'AbortError')

/** Thrown in place of an answer of the application's, with the refusal that the caller gets. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.details.reason)
    this.refusal = refusal
  }
}

/** Seconds after which the caller is told to try again. */
const retryAfter = 5

/** Nobody can say now whether the request is to be served. @param reason for the operator */
export function unavailable(reason: string): NoAnswer {
  return new NoAnswer(new Refusal('policy_unavailable', { retryAfter, reason }))
}

/** Calls functions of the application, and waits for each no longer than the option `policyTimeout`. */
export class Deadlines {
  /** How long each function has; `0`: as long as it takes. */
  readonly milliseconds: number
  readonly #report: Report
  #late = 0

  /** @param milliseconds `0`: as long as it takes */
  constructor(milliseconds: number, report: Report) {
    this.milliseconds = milliseconds
    this.#report = report
  }

  /** How often a function gave no answer in time, since the start. */
  get late(): number {
    return this.#late
  }

  /**
   * Calls a function of the application. One that answers at once costs no timer and no promise. What it answers too late,
   * or throws too late, is dropped.
   *
   * @param name of the function, for the operator
   * @throws NoAnswer when it is too late, or gave up because the client has gone
   */
  ask<T extends Inquiry, A>(inquiry: T, call: (inquiry: T) => Awaitable<A>, name: string): Awaitable<A> {
    let answer: Awaitable<A>
    try {
      answer = call(inquiry)
      if (isPromiseLike(answer)) return this.#wait(answer, inquiry, name)
    } catch (cause) {
      inquiry.end()
      throw cause
    }
    inquiry.end()
    return answer
  }

  #wait<A>(answer: Promise<A>, inquiry: Inquiry, name: string): Promise<A> {
    return new Promise((resolve, reject) => {
      // It keeps the process alive: somebody waits for the answer.
      const timer =
        this.milliseconds === 0
          ? undefined
          : setTimeout(() => {
              const reason = `${name} gave no answer within ${this.milliseconds} ms`
              reject(unavailable(reason))
              inquiry.abort(new DOMException(reason, 'TimeoutError'))
              this.#tell(inquiry, name)
            }, this.milliseconds)
      const end = (): void => {
        clearTimeout(timer)
        inquiry.end()
      }
      // It may be no promise of this realm, whose `then` can throw, call back twice, or never.
      Promise.resolve(answer).then(
        (value) => {
          end()
          resolve(value)
        },
        (cause: unknown) => {
          end()
          reject(inquiry.isGone ? new NoAnswer(callerGone) : cause)
        },
      )
    })
  }

  #tell(inquiry: Inquiry, name: string): void {
    this.#late++
    const { request, route } = inquiry.about()
    const { milliseconds } = this
    this.#report(
      { name: 'policy-timeout', function: name, ...(route === undefined ? {} : { route }), milliseconds },
      request,
    )
  }
}

/** Nobody reads it; it is no failure of ours that anybody should be woken for. */
const callerGone = refuse('invalid_request', 'The connection was closed')

/**
 * Whether a function that has to answer at once said yes. A promise is no yes, and if it is rejected later, that must not
 * end the process.
 */
export function isYes(answer: unknown): answer is true {
  if (isPromiseLike(answer)) dropped(answer)
  return answer === true
}

/** Lets go of a promise that nobody should have made. */
export function dropped(answer: Promise<unknown>): void {
  Promise.resolve(answer).catch(() => {})
}

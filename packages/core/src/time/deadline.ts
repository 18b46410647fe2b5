import { type Awaitable, isPromiseLike } from '../awaitable.js'
import { Refusal, refuse } from '../errors.js'
import type { Report } from '../events.js'

/** The argument of every function of the application that may be asynchronous. */
export interface Deadline {
  /**
   * Aborts when the answer is late (the option `policyTimeout`), and when the client closes the connection. Pass it
   * to what the function waits for: `fetch(url, { signal })`.
   */
  readonly signal: AbortSignal
}

/** A request whose client's disconnection can be noticed. */
export interface ClosableRequest {
  /** Calls the listener when the client closes the connection. @returns stops listening */
  readonly onGone?: ((listener: () => void) => () => void) | undefined
}

/**
 * The argument of a function of the application, one for each call. The members for the function are assigned to it.
 * Its signal is created when it is read, by a getter of the class: most functions answer at once, and creating it
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
   * @param request `undefined` if it is about none
   * @param route as declared; `undefined` if unknown
   */
  constructor(request: ClosableRequest | undefined, route?: string) {
    this.#request = request
    this.#route = route
  }

  get signal(): AbortSignal {
    this.#abort ??= this.#begin()
    return this.#abort.signal
  }

  /** The request and route, for the event. */
  about(): { readonly request: object | undefined; readonly route: string | undefined } {
    return { request: this.#request, route: this.#route }
  }

  /** Whether the client has disconnected and the function has been told. */
  get isGone(): boolean {
    return this.#reason === gone
  }

  /** Called when the function has answered, or is no longer awaited. */
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

/** Thrown instead of an answer of the application, with the refusal for the caller. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.details.reason)
    this.refusal = refusal
  }
}

/** The `Retry-After` in seconds. */
const retryAfter = 5

/** The error when nobody can say now whether to serve the request. @param reason for the operator */
export function unavailable(reason: string): NoAnswer {
  return new NoAnswer(new Refusal('policy_unavailable', { retryAfter, reason }))
}

/** Calls functions of the application, each with the time limit of the option `policyTimeout`. */
export class Deadlines {
  /** The time limit; `0` for none. */
  readonly milliseconds: number
  readonly #report: Report
  #late = 0

  /** @param milliseconds `0` for no limit */
  constructor(milliseconds: number, report: Report) {
    this.milliseconds = milliseconds
    this.#report = report
  }

  /** How often a function was late, since the start. */
  get late(): number {
    return this.#late
  }

  /**
   * Calls a function of the application. If it answers at once, that costs no timer and no promise. A late result or
   * error is ignored.
   *
   * @param name the function's name, for the operator
   * @throws NoAnswer when it is late, or stopped because the client has disconnected
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
      // The timer keeps the process alive, because a client waits for the answer.
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
      // It may be a foreign promise, whose `then` can throw, call back twice, or never.
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

/** Nobody reads it, and it is not an internal failure. */
const callerGone = refuse('invalid_request', 'The connection was closed')

/**
 * Whether a function that must be synchronous returned `true`. A promise does not count, and its later rejection must
 * not end the process.
 */
export function isYes(answer: unknown): answer is true {
  if (isPromiseLike(answer)) dropped(answer)
  return answer === true
}

/** Ignores the rejection of an unwanted promise. */
export function dropped(answer: Promise<unknown>): void {
  Promise.resolve(answer).catch(() => {})
}

import { after } from './after.js'
import { abortable, discard, peekJson, readJson } from './content.js'
import type { AgentContext } from './context.js'
import { AgentError, type AgentErrorCode, type AgentErrorDetails, type AgentStep } from './error.js'
import { readRequirement, readSignatureError } from './requirement.js'
import { type Draft, signedHeaders } from './sign.js'

/** Whom a request goes to: a resource, or another party. */
export type Destination = 'resource' | 'party'

/** One request of a run. */
export interface RunRequest extends Draft {
  readonly to: Destination
  readonly token: string
  readonly additional?: readonly string[]
}

/**
 * Everything that one `fetch` of an agent does until its response: its requests, which are counted so that no server
 * can keep an agent busy for ever; its time limit; and the signal that ends it.
 */
export class Run {
  readonly agent: AgentContext
  /** Aborts when the caller's signal does, or at the time limit. */
  readonly signal: AbortSignal
  readonly #steps: AgentStep[] = []
  readonly #ends: number
  readonly #stop: () => void

  constructor(agent: AgentContext, signal: AbortSignal) {
    this.agent = agent
    const { time } = agent.settings.limits
    const late = new AbortController()
    this.#ends = performance.now() + time
    this.#stop = after(time, () =>
      late.abort(this.failed('timed_out', `there was no answer within ${time} ms`)),
    )
    this.signal = AbortSignal.any([signal, late.signal])
  }

  /** Runs `work` and then stops the timer. The content of a response is left to the caller. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted()
      return await work()
    } finally {
      this.#stop()
    }
  }

  /** Signs and sends one request. */
  async send(request: RunRequest): Promise<Response> {
    const { limits, clock } = this.agent.settings
    if (this.#steps.length >= limits.steps)
      throw this.failed('too_many_steps', `${this.#steps.length} requests and still not done`)
    const headers = await this.#sign(request)
    const at = clock()
    try {
      const response = await this.#exchange(request, headers)
      this.#note(request, at, response)
      return response
    } catch (cause) {
      this.#note(request, at, undefined)
      this.signal.throwIfAborted()
      if (cause instanceof AgentError)
        throw this.failed('unreachable', 'there was no answer in time', { cause })
      throw this.failed('unreachable', `${request.url.host} could not be reached`, { cause })
    }
  }

  /** Waits as long as a server asked for. */
  async wait(seconds: number): Promise<void> {
    if (seconds * 1000 > this.#ends - performance.now())
      throw this.failed('timed_out', `a server asks to wait for ${seconds} s, which is too long`)
    await abortable(this.agent.settings.wait(seconds, this.signal), this.signal)
  }

  /** Calls a function of the options. An error it throws becomes the cause of one with this code. */
  async call<T>(code: AgentErrorCode, what: string, call: () => T | PromiseLike<T>): Promise<T> {
    try {
      return await abortable(Promise.resolve().then(call), this.signal)
    } catch (cause) {
      this.signal.throwIfAborted()
      if (cause instanceof AgentError) throw cause
      throw this.failed(code, `${what} failed`, { cause })
    }
  }

  /** The content of a response that the agent reads itself, if it is a JSON object within bounds. */
  read(response: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#read(response, readJson)
  }

  /** Like {@link read}, for a response that may be passed on. */
  peek(response: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#read(response, peekJson)
  }

  async #read(response: Response, read: typeof readJson): ReturnType<typeof readJson> {
    try {
      return await read(response, this.agent.settings.limits.answerBytes, this.signal)
    } catch (cause) {
      this.signal.throwIfAborted()
      throw this.failed('unreachable', 'an answer broke off', { cause })
    }
  }

  /** The error for an answer in which a server refused; its `error` member is the code. */
  async refused(response: Response): Promise<AgentError> {
    return this.refusedWith(response, await this.read(response))
  }

  /** Like {@link refused}, for content that has been read. */
  refusedWith(response: Response, body: Readonly<Record<string, unknown>> | undefined): AgentError {
    const named = readSignatureError(response)?.error ?? body?.['error']
    const code = typeof named === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(named) ? named : undefined
    const { detail } = body ?? {}
    return this.failed(code ?? `http_${response.status}`, `${hostOf(response)} answered ${response.status}`, {
      ...about(response),
      detail: typeof detail === 'string' ? withoutTokens(detail) : undefined,
    })
  }

  /** The error for a response that ends the run. */
  gaveUp(
    code: AgentErrorCode,
    message: string,
    response: Response,
    details: AgentErrorDetails = {},
  ): AgentError {
    discard(response)
    return this.failed(code, message, { ...about(response), ...details })
  }

  /** The error that ends the run, with the requests so far. */
  failed(code: AgentErrorCode | (string & {}), message: string, details: AgentErrorDetails = {}): AgentError {
    return new AgentError(code, message, { ...details, steps: [...this.#steps] })
  }

  async #sign(request: RunRequest): Promise<Headers> {
    const { key } = this.agent.settings
    const { token, additional = [] } = request
    try {
      return await abortable(
        signedHeaders(request, { key, token, created: this.agent.now(), additional }),
        this.signal,
      )
    } catch (cause) {
      this.signal.throwIfAborted()
      const isAsked = cause instanceof TypeError && additional.length > 0
      throw isAsked
        ? this.failed('bad_challenge', 'a component is required that the request cannot have', { cause })
        : this.failed('signer_failed', 'the request could not be signed', { cause })
    }
  }

  async #exchange({ to, method, url, content }: RunRequest, headers: Headers): Promise<Response> {
    const { limits, fetchResource, fetchParty } = this.agent.settings
    const late = new AbortController()
    const stop = after(limits.exchange, () =>
      late.abort(new AgentError('timed_out', `no response within ${limits.exchange} ms`)),
    )
    const signal = AbortSignal.any([this.signal, late.signal])
    try {
      const fetch = to === 'resource' ? fetchResource : fetchParty
      const init = { method, headers, redirect: 'manual' as const, signal }
      return await abortable(
        fetch(url.href, content === undefined ? init : { ...init, body: content }),
        signal,
      )
    } finally {
      stop()
    }
  }

  #note({ method, url }: RunRequest, at: number, response: Response | undefined): void {
    this.#steps.push({
      method,
      url: url.origin + url.pathname,
      status: response?.status ?? 0,
      requirement: response === undefined ? null : (readRequirement(response)?.name ?? null),
      error: response === undefined ? null : (readSignatureError(response)?.error ?? null),
      at,
    })
  }
}

/** The seconds in a `Retry-After`; `undefined` when the field is absent or holds a date. */
export function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  return value !== null && /^[0-9]{1,9}$/.test(value.trim()) ? Number(value) : undefined
}

function about(response: Response): AgentErrorDetails {
  return { status: response.status, retryAfter: retryAfter(response) }
}

function hostOf({ url }: Response): string {
  return URL.canParse(url) ? new URL(url).host : 'a server'
}

/** Removes from a server's explanation anything that may be a token: the server had ours. */
function withoutTokens(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, ' ')
    .replaceAll(/[A-Za-z0-9_.~+/=-]{24,}/g, '…')
    .slice(0, 200)
}

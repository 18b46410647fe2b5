import { AgentError } from './error.js'
import type { Clarification, Interaction } from './options.js'
import { type Requirement, readRequirement } from './requirement.js'
import { type Destination, type Run, retryAfter } from './run.js'
import type { Undertaking } from './unfinished.js'

/** Seconds between polls when a server gives none, and how many more after a `429` (AAuth 11.8.3, 11.9.4). */
const defaultInterval = 5
/** The longest pause in seconds after polls without an answer. */
const longestPause = 60
/** How many polls may follow each other without a pause; after that, at least a second passes. */
const atOnce = 3
/** How many polls in a row may fail for reasons of the network. */
const lostPolls = 3
/** How many questions one wait answers; a person server asks no more (AAuth 7.5.3). */
const questions = 5

/** Whether a `202` is a deferral of AAuth (11.8.2) and not the application's own. */
export function isDeferral(response: Response): boolean {
  if (response.status !== 202) return false
  const { headers } = response
  if (headers.has('aauth-requirement')) return true
  return (
    headers.has('location') &&
    headers.has('retry-after') &&
    /\bno-store\b/i.test(headers.get('cache-control') ?? '')
  )
}

/** Follows a deferral to its end (AAuth 11.8). */
export class Wait {
  readonly #run: Run
  readonly #to: Destination
  readonly #url: URL
  readonly #undertaking: Undertaking
  readonly #opened: Set<string>
  #interval = 0
  #quick = 0
  #unanswered = 0
  #asked = 0

  /**
   * @param url the pending URL
   * @param opened the codes of pages to which a person has been sent already
   */
  constructor(run: Run, to: Destination, url: URL, undertaking: Undertaking, opened: readonly string[] = []) {
    this.#run = run
    this.#to = to
    this.#url = url
    this.#undertaking = undertaking
    this.#opened = new Set(opened)
  }

  /** Continues a wait that was begun before, like {@link end}. */
  async resume(tokenFor: (response: Response | undefined) => Promise<string>): Promise<Response> {
    const response = await this.#poll(await tokenFor(undefined))
    return (await isWait(this.#run, response)) ? this.end(response, tokenFor) : response
  }

  /**
   * Opens the interaction if one is required, answers questions, polls with signed GETs, and resolves with the first
   * answer that does not say to wait.
   *
   * @param tokenFor returns the token for the next poll, given the response that asks for it
   */
  async end(first: Response, tokenFor: (response: Response) => Promise<string>): Promise<Response> {
    let response = first
    for (;;) {
      const token = await tokenFor(response)
      this.#defer(response, token)
      const met = await this.#meet(response, token)
      if (met !== undefined && !(await isWait(this.#run, met))) return met
      await this.#run.wait(this.#next(met ?? response))
      response = await this.#poll(token)
      if (!(await isWait(this.#run, response))) return response
    }
  }

  /** Hands the wait over to the caller of the agent. */
  #defer(response: Response, token: string): void {
    const { defer } = this.#run.agent
    const requirement = readRequirement(response)
    if (defer === undefined || requirement?.name === 'auth-token' || requirement?.name === 'clarification')
      return
    void response.body?.cancel().catch(() => {})
    const interaction = requirement?.name === 'interaction' ? this.#page(response, requirement) : undefined
    const seconds = retryAfter(response) ?? defaultInterval
    defer({ ...this.#undertaking, url: this.#url.href, interaction, retryAfter: seconds, token })
  }

  #page(response: Response, { parameters }: Requirement): { readonly url: string; readonly code: string } {
    const page = pageOf(parameters)
    if (page !== undefined) return page
    throw this.#run.gaveUp('bad_challenge', 'an interaction needs an https url and a code', response)
  }

  /** Meets what is required while waiting. Resolves with the response to it, if there is one. */
  async #meet(response: Response, token: string): Promise<Response | undefined> {
    const requirement = readRequirement(response)
    if (requirement?.name === 'interaction') await this.#interact(response, requirement)
    if (requirement?.name === 'clarification') return this.#clarify(response, token)
    void response.body?.cancel().catch(() => {})
    return undefined
  }

  async #interact(response: Response, requirement: Requirement): Promise<void> {
    const { url, code } = this.#page(response, requirement)
    if (this.#opened.has(code)) return
    // Each question opens a page, and people's patience is limited.
    if (this.#opened.size >= questions)
      throw this.#run.gaveUp('no_progress', 'one page after the other is to be opened', response)
    this.#opened.add(code)
    const interaction: Interaction = { url, code, link: `${url}?code=${encodeURIComponent(code)}` }
    const { onInteraction } = this.#run.agent.settings
    if (onInteraction === undefined) {
      const unfinished = { ...this.#undertaking, url: this.#url.href, codes: [...this.#opened] }
      const details = { interaction, unfinished }
      throw this.#run.gaveUp('interaction_required', 'a person has to open a page', response, details)
    }
    const { signal } = this.#run
    await this.#run.call('interaction_failed', 'onInteraction', () => onInteraction(interaction, { signal }))
  }

  async #clarify(response: Response, token: string): Promise<Response> {
    const { onClarification } = this.#run.agent.settings
    const question = readQuestion(await this.#run.read(response), this.#url.origin)
    if (question === undefined)
      throw this.#run.gaveUp('bad_challenge', 'a clarification needs a question', response)
    if (onClarification === undefined || ++this.#asked > questions) {
      await this.#withdraw(token)
      throw this.#run.gaveUp('clarification_required', 'a question has to be answered', response)
    }
    const { signal } = this.#run
    const answer = await this.#run.call('clarification_failed', 'onClarification', () =>
      onClarification(question, { signal }),
    )
    if (typeof answer !== 'string') {
      await this.#withdraw(token)
      throw this.#run.gaveUp('clarification_required', 'the question was not answered', response)
    }
    const body = { action: 'clarification_response', clarification_response: answer }
    return this.#run.send({
      to: this.#to,
      method: 'POST',
      url: this.#url,
      headers: new Headers({ 'content-type': 'application/json' }),
      content: new Uint8Array(Buffer.from(JSON.stringify(body))),
      token,
    })
  }

  /** Cancels the request, so that nobody is asked any more. A failure to cancel changes nothing here. */
  async #withdraw(token: string): Promise<void> {
    const request = {
      to: this.#to,
      method: 'DELETE',
      url: this.#url,
      headers: new Headers(),
      content: undefined,
    }
    const response = await this.#run.send({ ...request, token }).catch(() => undefined)
    void response?.body?.cancel().catch(() => {})
  }

  #next(response: Response): number {
    const { status } = response
    this.#unanswered = unavailable.has(status) ? this.#unanswered + 1 : 0
    const interval = Math.min(longestPause, defaultInterval * 2 ** Math.max(0, this.#unanswered - 1))
    this.#interval =
      status === 429
        ? Math.max(this.#interval, retryAfter(response) ?? 0) + defaultInterval
        : (retryAfter(response) ?? interval)
    this.#quick = this.#interval === 0 ? this.#quick + 1 : 0
    return this.#quick > atOnce ? 1 : this.#interval
  }

  /** Polls once. A poll that fails is repeated: the pending URL keeps its answer. */
  async #poll(token: string): Promise<Response> {
    const headers = new Headers({ prefer: 'wait=45' })
    const request = { to: this.#to, method: 'GET', url: this.#url, headers, content: undefined, token }
    for (let lost = 1; ; lost++) {
      try {
        return await this.#run.send(request)
      } catch (error) {
        const isLost = error instanceof AgentError && error.code === 'unreachable'
        if (!isLost || lost === lostPolls) throw error
        await this.#run.wait(defaultInterval)
      }
    }
  }
}

/** The page that an interaction names, if it names one (AAuth 11.6.3). */
export function pageOf({
  url,
  code,
}: Requirement['parameters']): { readonly url: string; readonly code: string } | undefined {
  return url === undefined || code === undefined || !plainUrl.test(url) || !URL.canParse(url)
    ? undefined
    : { url, code }
}

// People read the address, so the host has to be the first thing in it.
const plainUrl = /^https:\/\/[^/?#@\\\s]+(?:\/[^?#\\\s]*)?$/

/** Whether a response says to come again. */
async function isWait(run: Run, response: Response): Promise<boolean> {
  const { status } = response
  return status === 202 || status === 429 || (await isUnanswered(run, response))
}

const unavailable: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * Whether a poll reached a server, or a proxy before it, that cannot answer now. Nothing is lost, as when the
 * connection breaks. A `502` or `504` with a code in its `error` member is an answer: the call was carried out and
 * failed so.
 */
export async function isUnanswered(run: Run, response: Response): Promise<boolean> {
  const { status } = response
  if (!unavailable.has(status)) return false
  if (status === 503) return true
  const body = await run.peek(response)
  return typeof body?.['error'] !== 'string'
}

/** The error with which a wait ended, if it did: one of the codes of pending URLs, or the URL is gone. */
export async function badEnd(run: Run, response: Response): Promise<AgentError | undefined> {
  const { status } = response
  if (status < 400) return undefined
  const body = await run.peek(response)
  const ends = endings.get(status)?.includes(body?.['error'] as string) ?? false
  if (!ends && status !== 410 && !response.headers.has('signature-error')) return undefined
  void response.body?.cancel().catch(() => {})
  return run.refusedWith(response, body)
}

const endings: ReadonlyMap<number, readonly string[]> = new Map([
  [403, ['denied', 'abandoned', 'revoked']],
  [408, ['expired']],
  [410, ['invalid_code', 'gone']],
  [500, ['server_error']],
])

/** The pending URL of a deferral. @throws AgentError when it cannot be followed */
export function pendingUrl(run: Run, response: Response, asked: URL): URL {
  const { strict } = run.agent.settings
  const location = response.headers.get('location')
  if (location === null || location === '') throw run.gaveUp('bad_deferral', '202 without Location', response)
  // -11 allows a relative reference, but a widely used agent cannot follow one.
  if (strict && !URL.canParse(location)) throw run.gaveUp('bad_deferral', 'Location is relative', response)
  if (!URL.canParse(location, asked.href)) throw run.gaveUp('bad_deferral', 'Location is no URL', response)
  const url = new URL(location, asked)
  url.hash = ''
  // The origin of a `blob:` URL is that of the URL inside it.
  const isElsewhere = url.protocol !== asked.protocol || url.origin !== asked.origin
  if (isElsewhere || url.username !== '' || url.password !== '')
    throw run.gaveUp('bad_deferral', 'Location is on another origin', response)
  if (strict && !response.headers.has('retry-after'))
    throw run.gaveUp('bad_deferral', '202 without Retry-After', response)
  if (strict && !/\bno-store\b/.test(response.headers.get('cache-control') ?? ''))
    throw run.gaveUp('bad_deferral', '202 without Cache-Control: no-store', response)
  return url
}

function readQuestion(
  body: Readonly<Record<string, unknown>> | undefined,
  from: string,
): Clarification | undefined {
  const { clarification, timeout, options } = body ?? {}
  if (typeof clarification !== 'string') return undefined
  return {
    question: clarification,
    options: Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [],
    timeout: typeof timeout === 'number' ? timeout : undefined,
    from,
  }
}

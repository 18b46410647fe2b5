import { randomBytes } from 'node:crypto'
import { BoundedMap } from '../bounded.js'
import { type Answer, json, problem, requirementHeader } from '../wire/answers.js'
import type { Incoming } from '../wire/server.js'
import { untilLapse } from './lapse.js'
import type { TownServer } from './town-server.js'

/** A deferred response: what it waits for, and the answer afterwards. */
export interface Deferral {
  /** Who may poll: the verified identifier of the agent or server that started it. */
  readonly owner: string
  readonly requirement: 'interaction' | 'approval'
  /** When it is answered: after this promise, or, for `'visit'`, after the person has opened the interaction page. */
  readonly after: PromiseLike<unknown> | 'visit'
  /** Where the interaction page sends the person first; given the final callback, if there is one. */
  readonly redirect?: (callback: string | undefined) => string
  /** Makes the terminal answer. A rejection becomes `500 server_error`. */
  readonly finish: () => Promise<Answer>
  /** The answer that ends it early, because a token it is based on has expired or was revoked. Called on every poll. */
  readonly over?: () => Answer | undefined
  /** Called when the agent that started it cancels it with `DELETE`. */
  readonly cancelled?: () => void
  /** Whether the person may be sent here from the interaction page; default anywhere. */
  readonly allowsCallback?: (url: string) => Promise<boolean>
  /** The `error` of the callback (7.3.1), for a visit that should fail. */
  readonly callbackError?: string | undefined
}

interface Pending {
  readonly owner: string
  readonly headers: Readonly<Record<string, string>>
  readonly code: string
  readonly deferral: Deferral
  readonly settled: Promise<void>
  readonly visit: () => void
  visited: boolean
  answer: Answer | undefined
}

/** Limit on long polls, in seconds. */
const longestWait = 60
const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Deferred responses (AAuth 11.8): pending URLs, long polls, and the interaction page. */
export class PendingRequests {
  readonly #server: TownServer
  readonly #pending = new BoundedMap<string, Pending>()
  readonly #done = new BoundedMap<string, string>()
  readonly #codes = new BoundedMap<string, string>()

  /** @param owner authenticates a poll and names the caller */
  constructor(server: TownServer, owner: (request: Incoming) => Promise<string | Answer>) {
    this.#server = server
    const endpoint = async (request: Incoming): Promise<Answer> => {
      const caller = await owner(request)
      return typeof caller === 'string' ? this.#poll(request, caller) : caller
    }
    for (const method of ['GET', 'POST', 'DELETE']) server.on(method, '/pending/*', endpoint)
    server.on('GET', '/interact', (request) => this.#interact(request))
  }

  /** `202` now, the terminal answer at the pending URL later. */
  defer(deferral: Deferral): Answer {
    const id = randomBytes(32).toString('base64url')
    const code = newCode()
    let visit: () => void = () => undefined
    const visited = new Promise<void>((resolve) => {
      visit = resolve
    })
    const parameters =
      deferral.requirement === 'interaction' ? { url: `${this.#server.id}/interact`, code } : {}
    const pending: Pending = {
      owner: deferral.owner,
      code,
      deferral,
      headers: {
        Location: `${this.#server.id}/pending/${id}`,
        'Retry-After': '0',
        'AAuth-Requirement': requirementHeader(deferral.requirement, parameters),
      },
      settled: Promise.resolve(deferral.after === 'visit' ? visited : deferral.after)
        .then(deferral.finish)
        .catch((error: unknown) => problem(500, 'server_error', String(error)))
        .then((answer) => {
          pending.answer = answer
        }),
      visit,
      visited: false,
      answer: undefined,
    }
    this.#pending.set(id, pending)
    this.#codes.set(code, id)
    return waiting(pending)
  }

  async #poll(request: Incoming, caller: string): Promise<Answer> {
    const id = request.path.slice(request.path.lastIndexOf('/') + 1)
    if (this.#done.get(id) === caller) return problem(410, 'gone', 'this request has ended')
    const pending = this.#pending.get(id)
    // A stranger only learns that there is nothing for it here.
    if (pending === undefined || pending.owner !== caller) return problem(404, 'not_found')
    if (request.method === 'DELETE') {
      pending.deferral.cancelled?.()
      return this.#end(id, pending, { status: 204, headers: {}, body: '' })
    }
    if (request.method === 'POST') return problem(400, 'invalid_request', 'no clarification was asked for')
    if (answerOf(pending) === undefined) await this.#wait(request, pending)
    const answer = answerOf(pending)
    return answer === undefined ? waiting(pending) : this.#end(id, pending, answer)
  }

  // RFC 7240 `Prefer: wait=N`: the answer is sent as soon as there is one, so that agents need not sleep between two
  // polls.
  async #wait(request: Incoming, pending: Pending): Promise<void> {
    const wanted = Number(/(?:^|[,;\s])wait=(\d{1,4})/.exec(request.header('prefer') ?? '')?.[1] ?? 0)
    if (wanted === 0 || request.gone.aborted) return
    const enough = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(wanted, longestWait) * 1000)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      request.gone.addEventListener('abort', done, { once: true })
      void pending.settled.then(done)
    })
    const { over } = pending.deferral
    await (over === undefined ? enough : untilLapse(enough, over))
  }

  #end(id: string, pending: Pending, answer: Answer): Answer {
    this.#pending.delete(id)
    this.#codes.delete(pending.code)
    this.#done.set(id, pending.owner)
    return answer
  }

  async #interact(request: Incoming): Promise<Answer> {
    const code = normalise(request.query.get('code') ?? '')
    const id = this.#codes.get(code)
    const pending = id === undefined ? undefined : this.#pending.get(id)
    if (pending === undefined || pending.deferral.over?.() !== undefined) return problem(410, 'invalid_code')
    this.#codes.delete(code)
    pending.visited = true
    pending.visit()
    const callback = await callbackOf(request, pending.deferral)
    const onward = pending.deferral.redirect?.(callback) ?? callback
    if (onward !== undefined) return { status: 302, headers: { Location: onward }, body: '' }
    return {
      status: 200,
      headers: { 'Content-Type': 'text/plain' },
      body: 'Thank you. You can close this page.\n',
    }
  }
}

/** Where the person goes next, by the query of the interaction page. */
async function callbackOf(request: Incoming, deferral: Deferral): Promise<string | undefined> {
  const callback = request.query.get('callback')
  if (callback === null || !URL.canParse(callback) || !callback.startsWith('https://')) return undefined
  if ((await deferral.allowsCallback?.(callback)) === false) return undefined
  if (deferral.callbackError === undefined) return callback
  const url = new URL(callback)
  url.searchParams.set('error', deferral.callbackError)
  return url.href
}

// A refusal stays the same; a grant that was not fetched yet is no longer available once a token it is based on is
// invalid.
function answerOf({ answer, deferral }: Pending): Answer | undefined {
  return answer !== undefined && answer.status >= 400 ? answer : (deferral.over?.() ?? answer)
}

function waiting(pending: Pending): Answer {
  return json({ status: pending.visited ? 'interacting' : 'pending' }, 202, pending.headers)
}

// Eight symbols of five bits each: the minimum of 11.6.3.1.
function newCode(): string {
  return [...randomBytes(8)].map((byte) => symbols[byte % 32]).join('')
}

function normalise(code: string): string {
  return code.replaceAll('-', '').toUpperCase().replace(/[IL]/g, '1').replaceAll('O', '0')
}

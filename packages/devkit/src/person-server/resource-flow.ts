import { randomBytes } from 'node:crypto'
import { BoundedMap } from '../bounded.js'
import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import type { TownServer } from '../server/town-server.js'
import type { Answer } from '../wire/answers.js'
import { problem } from '../wire/answers.js'

/** The `interaction` claim of a resource token: the resource's own user flow comes before the consent (7.2.3). */
export interface ResourceInteraction {
  readonly url: string
  readonly code: string
}

/** Reads the claim; `undefined` when there is none. */
export function readInteraction(claims: JsonObject): ResourceInteraction | Fault | undefined {
  const interaction = claims['interaction']
  if (interaction === undefined) return undefined
  if (!isObject(interaction) || !isEndpoint(interaction['url']) || typeof interaction['code'] !== 'string') {
    return new Fault('invalid_resource_token', 'interaction needs an https url without query, and a code')
  }
  return { url: interaction['url'], code: interaction['code'] }
}

interface Flow {
  readonly settle: (error: string | null) => void
  callback: string | undefined
}

// A callback speaks of errors in other words than a pending URL (11.9.4).
const pollErrors: ReadonlyMap<string, readonly [status: number, error: string]> = new Map([
  ['access_denied', [403, 'denied']],
  ['user_abandoned', [403, 'abandoned']],
  ['interaction_expired', [408, 'expired']],
  ['server_error', [500, 'server_error']],
  ['temporarily_unavailable', [500, 'server_error']],
])

/** Sends people through the flows of resources and waits for them to come back. */
export class ResourceFlows {
  readonly #server: TownServer
  readonly #waiting = new BoundedMap<string, Flow>()

  constructor(server: TownServer) {
    this.#server = server
    server.on('GET', '/flow/*', ({ path, query }) => {
      const id = path.slice(path.lastIndexOf('/') + 1)
      const flow = this.#waiting.get(id)
      if (flow === undefined) return problem(410, 'gone')
      this.#waiting.delete(id)
      const error = query.get('error')
      flow.settle(error)
      if (flow.callback !== undefined) {
        const onward = new URL(flow.callback)
        if (error !== null) onward.searchParams.set('error', error)
        return { status: 302, headers: { Location: onward.href }, body: '' }
      }
      return {
        status: 200,
        headers: { 'Content-Type': 'text/plain' },
        body: 'Thank you. You can close this page.\n',
      }
    })
  }

  /** Where to send the person, and what the resource said when they came back: `undefined`, or the poll error. */
  start({ url, code }: ResourceInteraction): {
    /** Given the callback of the agent, to which the person goes on from here. */
    readonly link: (callback: string | undefined) => string
    readonly back: Promise<Answer | undefined>
  } {
    const id = randomBytes(16).toString('base64url')
    const back = new Promise<Answer | undefined>((resolve) => {
      const settle = (error: string | null) => resolve(error === null ? undefined : pollError(error))
      this.#waiting.set(id, { settle, callback: undefined })
    })
    const query = new URLSearchParams({ code, callback: `${this.#server.id}/flow/${id}` })
    const link = (callback: string | undefined) => {
      const flow = this.#waiting.get(id)
      if (flow !== undefined) flow.callback = callback
      return `${url}?${query}`
    }
    return { link, back }
  }
}

function pollError(callbackError: string): Answer {
  const [status, error] = pollErrors.get(callbackError) ?? [500, 'server_error']
  return problem(status, error, 'in the flow of the resource')
}

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

/** Eight symbols at least of the alphabet of 11.6.3.1; hyphens may stand between them, and mean nothing. */
const codeGrammar = /^(?:-*[0-9ABCDEFGHJKMNPQRSTVWXYZ]){8,128}-*$/

/**
 * Reads the claim; `undefined` if there is none. A strict town also requires the page to be on the resource's own
 * origin, because the person is told that they are dealing with the resource. A flat `interaction_code`, which some
 * deployments read, is not part of -11 and is ignored.
 */
export function readInteraction(
  claims: JsonObject,
  strict: boolean,
): ResourceInteraction | Fault | undefined {
  const interaction = claims['interaction']
  if (interaction === undefined) return undefined
  const fault = (detail: string) => new Fault('invalid_resource_token', `interaction: ${detail}`)
  if (!isObject(interaction)) return fault('it is no object')
  const { url, code } = interaction
  if (!isEndpoint(url)) return fault('url is not https, or has a query or a fragment')
  if (!URL.canParse(url)) return fault('url is no URL')
  if (typeof code !== 'string' || !codeGrammar.test(code))
    return fault('code is not of at least eight symbols of the alphabet')
  if (strict && new URL(url).origin !== claims['iss']) return fault('url is not at the resource')
  return { url, code }
}

/** A person in the flow of a resource. */
export interface ResourceFlow {
  /**
   * Called when they return: `error` is what the resource reported (7.3.1). Resolves with the `error` for the agent's
   * callback, to which they go next; never rejects.
   */
  readonly arrived: (error: string | null) => Promise<string | null>
  /** Whether nobody waits for them any more. */
  readonly over: () => boolean
}

interface Waiting extends ResourceFlow {
  callback: string | undefined
}

// A callback uses other error codes than a pending URL (11.9.4).
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
  readonly #waiting = new BoundedMap<string, Waiting>()

  constructor(server: TownServer) {
    this.#server = server
    server.on('GET', '/flow/*', async ({ path, query }) => {
      const id = path.slice(path.lastIndexOf('/') + 1)
      const flow = this.#waiting.get(id)
      // Each address is for one return.
      if (flow === undefined || !this.#waiting.delete(id)) return problem(410, 'gone')
      if (flow.over())
        return onwardTo(flow, 'interaction_expired') ?? problem(410, 'gone', 'the request has ended')
      const told = flow.arrived(knownError(query.get('error')))
      // Only a callback needs the person's decision, which may take time.
      const onward = flow.callback === undefined ? undefined : onwardTo(flow, await told)
      const page = 'Thank you. You can close this page.\n'
      return onward ?? { status: 200, headers: { 'Content-Type': 'text/plain' }, body: page }
    })
  }

  /**
   * Starts the resource's flow.
   *
   * @returns where to send the person, given the callback of the agent to which they go in the end
   */
  start({ url, code }: ResourceInteraction, flow: ResourceFlow): (callback: string | undefined) => string {
    const id = randomBytes(16).toString('base64url')
    const waiting: Waiting = { ...flow, callback: undefined }
    this.#waiting.set(id, waiting)
    const query = new URLSearchParams({ code, callback: `${this.#server.id}/flow/${id}` })
    return (callback) => {
      waiting.callback = callback
      return `${url}?${query}`
    }
  }
}

/** The redirect to the agent's callback, if it has one. */
function onwardTo({ callback }: Waiting, error: string | null): Answer | undefined {
  if (callback === undefined) return undefined
  const onward = new URL(callback)
  if (error !== null) onward.searchParams.set('error', error)
  return { status: 302, headers: { Location: onward.href }, body: '' }
}

// All other errors of the resource only mean that it failed.
function knownError(error: string | null): string | null {
  return error === null || pollErrors.has(error) ? error : 'server_error'
}

/** The answer to the agent at the pending URL when the resource's flow ended with this `error`. */
export function pollError(callbackError: string): Answer {
  const [status, error] = pollErrors.get(callbackError) ?? [500, 'server_error']
  return problem(status, error, 'in the flow of the resource')
}

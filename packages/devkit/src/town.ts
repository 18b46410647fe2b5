import { AccessServer } from './access-server/access-server.js'
import type { AccessPolicy } from './access-server/decision.js'
import { Agent } from './agent/agent.js'
import type { AgentOptions } from './agent/context.js'
import { AgentProvider } from './agent-provider.js'
import { Browser, type Visited, type VisitOptions } from './browser/browser.js'
import { isServerId } from './checks/identifiers.js'
import { agentRules, checkOptions, checkRoute, personRules, townRules } from './checks/options.js'
import type { TokenName } from './checks/tokens.js'
import type { Env, Exchange } from './env.js'
import { describe, Ledger, type LedgerEntry } from './ledger.js'
import type { TokenRecord } from './person-server/chain.js'
import type { Person, PersonOptions } from './person-server/person.js'
import { PersonServer } from './person-server/person-server.js'
import type { TownServer } from './server/town-server.js'
import {
  agentBounds,
  createLoopbackFetch,
  fromFetch,
  guardBounds,
  portOf,
  sendToLoopback,
} from './wire/loopback.js'
import { urlOf, type WireRequest } from './wire/request.js'

/** Options of {@link createTown}; all are optional. */
export interface TownOptions {
  /** Milliseconds, as `Date.now()`, which is the default. */
  readonly clock?: () => number
  /** Default `https://ap.example`. */
  readonly agentProvider?: string
  /** Default `https://ps.example`. */
  readonly personServer?: string
  /**
   * What an agent does between polls, given the seconds it was asked to wait. By default it does not wait: a test has
   * nothing to wait for, and the town's servers answer long polls as soon as there is an answer.
   */
  readonly wait?: (seconds: number) => Promise<void>
  /** Whether the parties enforce recommendations of the draft; default `true`. */
  readonly strict?: boolean
  /** The `fetch` for requests of `town.fetch` to hosts outside the town; default: none, they are refused. */
  readonly fallback?: typeof globalThis.fetch
}

/** Options of an agent of the town; `provider` is for towns with more than one. */
export interface TownAgentOptions extends AgentOptions {
  readonly provider?: AgentProvider
}

/** A town: an agent provider, person servers, access servers and agents on loopback, to test a resource with. */
export class Town {
  readonly ap: AgentProvider
  readonly ps: PersonServer
  /** Milliseconds of the town's clock. */
  readonly clock: () => number
  /** For the resource under test: a `fetch` that reaches only the town's hosts, with the limits of the guarded one. */
  readonly fetch: typeof globalThis.fetch
  readonly #env: Env
  readonly #routes = new Map<string, number>()
  readonly #ledger = new Ledger()
  readonly #servers: TownServer[] = []
  readonly #personServers = new Map<string, PersonServer>()
  readonly #fallback: typeof globalThis.fetch | undefined

  /** Use {@link createTown}. */
  constructor(options: TownOptions = {}) {
    checkOptions('createTown', options, townRules)
    const clock = options.clock ?? (() => Date.now())
    this.clock = clock
    this.#env = {
      clock,
      now: () => Math.floor(clock() / 1000),
      exchange: (from, request, signal) => this.#exchange(from, request, signal),
      wait: options.wait ?? (async () => undefined),
      strict: options.strict ?? true,
    }
    this.#fallback = options.fallback
    this.fetch = this.fetchAs()
    this.ap = new AgentProvider(this.#env, identifier(options.agentProvider ?? 'https://ap.example'))
    this.ps = new PersonServer(this.#env, identifier(options.personServer ?? 'https://ps.example'))
  }

  /** Every exchange so far, in the order in which they ended. */
  get ledger(): readonly LedgerEntry[] {
    return this.#ledger.entries
  }

  /** Host → port, in the format of `COUNTERSIGN_LOOPBACK` of the test target. */
  get loopback(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#routes)
  }

  /** Calls `listener` with every further exchange. @returns a function that stops it */
  watch(listener: (entry: LedgerEntry) => void): () => void {
    return this.#ledger.watch(listener)
  }

  /**
   * Opens an account at a person server, `town.ps` by default.
   *
   * @throws TypeError naming an option that is unknown or has the wrong type
   */
  person(name: string, options: PersonOptions & { readonly at?: PersonServer } = {}): Person {
    checkOptions('town.person', options, personRules)
    return (options.at ?? this.ps).person(name, options)
  }

  /**
   * An agent with its own key, acting for `person` if given.
   *
   * @throws TypeError naming an option that is unknown or has the wrong type
   */
  agent(name: string, options: TownAgentOptions = {}): Agent {
    checkOptions('town.agent', options, agentRules)
    const agent = new Agent(this.#env, options.provider ?? this.ap, name, options)
    const { person } = agent
    if (person !== undefined) this.#personServers.get(person.ps)?.employ(agent.identifier, person)
    return agent
  }

  /**
   * The chain from a token back to the person, as the person servers of the town remember it (AAuth 10.1): the token
   * itself, the one with which an intermediary got it, and so on, to the one that the person's own agent holds. Empty
   * for a token that no person server of the town has issued or passed on.
   *
   * @param token `caller.token` of the last resource
   */
  chainOf(token: TokenName): readonly TokenRecord[] {
    for (const ps of this.#personServers.values()) {
      const chain = ps.chainOf(token)
      if (chain.length > 0) return chain
    }
    return []
  }

  /**
   * Sets the port on 127.0.0.1 where a resource listens; `undefined` removes it.
   *
   * @param host as in the identifier of the resource, without `https://`
   * @throws TypeError for an invalid host name or port
   */
  route(host: string, port: number | undefined): void {
    checkRoute(host, port)
    if (port === undefined) this.#routes.delete(host)
    else this.#routes.set(host, port)
  }

  /** Like `town.fetch`, with its own name in the ledger; by default that of the only resource routed. */
  fetchAs(name?: string): typeof globalThis.fetch {
    const outside = createLoopbackFetch({}, this.#fallback)
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input)
      const inTown = url.protocol === 'https:' && url.port === '' && this.#routes.has(url.hostname)
      if (!inTown) return outside(input, init)
      const request = new Request(input, init)
      const from = name ?? this.#onlyResource()
      const wire = await fromFetch(request)
      const { response } = await this.#exchange(from, wire, request.signal, guardBounds)
      if (request.redirect === 'error' && response.status >= 300 && response.status < 400) {
        throw new TypeError(`unexpected redirect from ${url.host}`)
      }
      return response
    }
  }

  /**
   * A person's browser, for what {@link Town.visit} cannot do: a person who signs in stays signed in, and two
   * browsers share nothing.
   *
   * @param name its name in the ledger; default `browser`
   */
  browser(name = 'browser'): Browser {
    return new Browser({
      fetch: this.fetchAs(name),
      clock: this.clock,
      portOf: (host) => portOf(this.#routes, host),
      isServer: (host) =>
        this.#servers.some((server) => server.host === host && server.document !== 'aauth-resource.json'),
    })
  }

  /**
   * Plays the person for whom a link is, with a new browser: follows the link from host to host of the town, keeps
   * cookies, fills in your login if there is one, and presses Approve or Decline on the consent page. A link of the
   * person server that leads through a page of yours ends where it began.
   *
   * @param link the link that the agent was told: `link` of the interaction
   * @returns the last answer: the page, or a redirect to a host outside the town, which is not followed
   * @throws Error with the text of the page when it has nothing to decide
   */
  visit(link: string, options: VisitOptions = {}): Promise<Visited> {
    return this.browser().visit(link, options)
  }

  /** Another agent provider. */
  async openAgentProvider(id: string): Promise<AgentProvider> {
    const provider = new AgentProvider(this.#env, identifier(id))
    await this.open(provider.server)
    return provider
  }

  /** Another person server. */
  async openPersonServer(id: string): Promise<PersonServer> {
    const ps = new PersonServer(this.#env, identifier(id))
    this.#personServers.set(ps.id, ps)
    await this.open(ps.server)
    return ps
  }

  /** An access server with its own policy; grants everything by default. */
  async openAccessServer(id: string, policy?: AccessPolicy): Promise<AccessServer> {
    const as = new AccessServer(this.#env, identifier(id), policy)
    await this.open(as.server)
    return as
  }

  /** Starts a server of the town and routes its host to it. */
  async open(server: TownServer): Promise<void> {
    await server.listen()
    this.#servers.push(server)
    this.route(server.host, server.port)
  }

  /** @internal */
  async start(): Promise<this> {
    this.#personServers.set(this.ps.id, this.ps)
    await Promise.all([this.open(this.ap.server), this.open(this.ps.server)])
    return this
  }

  /** Stops every server of the town. Resources must be stopped by their owner. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.close()))
  }

  #onlyResource(): string {
    const own = new Set(this.#servers.map((server) => server.host))
    const resources = [...this.#routes.keys()].filter((host) => !own.has(host))
    return resources.length === 1 ? (resources[0] as string) : 'resource'
  }

  async #exchange(
    from: string,
    request: WireRequest,
    signal?: AbortSignal,
    bounds = agentBounds,
  ): Promise<Exchange> {
    const at = this.clock()
    const line = { from, to: request.host, method: request.method, url: urlOf(request) }
    const port = portOf(this.#routes, request.host)
    try {
      if (port === undefined) throw new TypeError(`no loopback route to https://${request.host}`)
      const response = await sendToLoopback(port, request, signal, bounds)
      const entry = { ...line, ...(await describe(response)), at }
      this.#ledger.record(entry)
      return { response, entry }
    } catch (error) {
      this.#ledger.record({ ...line, status: 0, requirement: null, outcome: 'unreachable', at })
      throw error
    }
  }
}

/**
 * Opens a town: an agent provider, a person server, and room for access servers, resources, people and agents, each
 * server listening on 127.0.0.1 under its real identifier.
 *
 * @throws TypeError when an identifier is malformed, or an option is unknown
 *
 * @example
 * ```ts
 * import { createTown } from '@countersign/devkit'
 * import { aauth } from '@countersign/express'
 * import express from 'express'
 *
 * const town = await createTown()
 * const guard = aauth({ resource: 'https://notes.example', fetch: town.fetch })
 * const app = express()
 * app.get('/notes', guard.require('agent'), (req, res) => res.json(req.aauth.agent))
 * const listening = app.listen(3000)
 * town.route('notes.example', 3000)
 * const sam = town.agent('sam')
 * const response = await sam.fetch('https://notes.example/notes')
 * listening.close()
 * await town.close()
 * ```
 */
export async function createTown(options: TownOptions = {}): Promise<Town> {
  return new Town(options).start()
}

function identifier(id: string): string {
  if (!isServerId(id)) throw new TypeError(`not a server identifier: ${id}`)
  return id
}

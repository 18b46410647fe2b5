import type { AlgorithmName } from '@countersign/core/signature'
import type { AgentProvider } from '../agent-provider.js'
import { Directory } from '../checks/directory.js'
import type { Env } from '../env.js'
import { createKey, type TownKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import type { Person } from '../person-server/person.js'
import { fromFetch } from '../wire/loopback.js'
import { type TownRequest, urlOf, type WireRequest } from '../wire/request.js'
import { seal } from '../wire/seal.js'
import { AgentFetch } from './agent-fetch.js'
import type { AgentContext, AgentOptions, AgentSignOptions } from './context.js'
import { type HeldToken, holdToken, usable, Wallet } from './wallet.js'

/** An agent with its own key. `fetch` meets every requirement by itself; `sign` and `send` make single requests by hand. */
export class Agent implements AgentContext {
  readonly name: string
  /** `aauth:sam@ap.example`. */
  readonly identifier: string
  readonly person: Person | undefined
  readonly provider: AgentProvider
  readonly options: AgentOptions
  readonly directory: Directory
  /** The tokens and sessions it holds; `wallet.clear()` drops them all. */
  readonly wallet: Wallet = new Wallet()
  readonly env: Env
  #key: TownKey

  constructor(env: Env, provider: AgentProvider, name: string, options: AgentOptions = {}) {
    this.env = env
    this.name = name
    this.provider = provider
    this.identifier = provider.identifierOf(name)
    this.person = options.person
    this.options = options
    this.directory = new Directory(env, name)
    this.#key = createKey(options.alg)
  }

  /** Its current key. */
  get key(): TownKey {
    return this.#key
  }

  /** Takes a new key; every token bound to the old one is dropped. */
  rotateKey(alg?: AlgorithmName): TownKey {
    this.#key = createKey(alg ?? this.#key.algorithm.name)
    this.wallet.clear()
    return this.#key
  }

  /** Its agent token, from its provider; renewed when it runs out. */
  async agentToken(): Promise<HeldToken> {
    const held = usable(this.wallet.agentToken, this.env.now())
    if (held !== undefined) return held
    this.wallet.agentToken = holdToken('agent', await this.mintAgentToken()) as HeldToken
    return this.wallet.agentToken
  }

  /** A new agent token for this agent's key. `overrides` are for hostile tests. */
  mintAgentToken(overrides?: MintOverrides): Promise<string> {
    return this.provider.mintAgentToken(
      { name: this.name, cnf: this.#key.cnf, ps: this.person?.ps },
      overrides,
    )
  }

  /**
   * A `fetch` that meets every requirement of the resource. Resolves with the resource's answer, whatever its status, once
   * nothing more is required. Where a session has to be begun first, the request is sent again with it, and the answer to
   * that resolves.
   *
   * @throws AgentGaveUp when a requirement cannot be met
   */
  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { method, rawHeaders, body, ...address } = await fromFetch(new Request(input, init))
    const headers: [string, string][] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string
      if (!/^(?:host|content-length)$/i.test(name)) headers.push([name, rawHeaders[i + 1] as string])
    }
    const request = { method, url: urlOf(address), headers, ...(body === undefined ? {} : { body }) }
    return new AgentFetch(this, request).run()
  }

  /** Signs a request and returns it; nothing is sent. */
  async sign(request: TownRequest, options: AgentSignOptions = {}): Promise<WireRequest> {
    const jwt = options.token ?? (await this.agentToken()).jwt
    return seal(request, {
      ...options,
      key: options.key ?? this.#key,
      created: options.created ?? this.env.now(),
      signatureKey: options.signatureKey ?? { scheme: 'jwt', jwt },
    })
  }

  /** Sends a request as it is, over loopback, and records it in the ledger. */
  async send(request: WireRequest): Promise<Response> {
    return (await this.env.exchange(this.name, request)).response
  }

  /** Signs and sends one request; requirements in the answer are not met. */
  async request(request: TownRequest, options?: AgentSignOptions): Promise<Response> {
    return this.send(await this.sign(request, options))
  }
}

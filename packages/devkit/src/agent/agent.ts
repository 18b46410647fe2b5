import { createAgent, type ParentAgent, type Agent as ProductionAgent } from '@countersign/agent'
import type { AlgorithmName } from '@countersign/core/signature'
import type { AgentProvider } from '../agent-provider.js'
import type { Env } from '../env.js'
import { createKey, type TownKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import type { Person } from '../person-server/person.js'
import { fromFetch } from '../wire/loopback.js'
import type { TownRequest, WireRequest } from '../wire/request.js'
import { seal } from '../wire/seal.js'
import type { AgentOptions, AgentSignOptions } from './context.js'
import { type HeldToken, Wallet } from './wallet.js'

/**
 * An agent of the town: `@countersign/agent` with its own key, on loopback and in the ledger. `fetch` meets all
 * requirements by itself; `sign` and `send` make single requests by hand.
 */
export class Agent {
  readonly name: string
  /** `aauth:sam@ap.example`. */
  readonly identifier: string
  readonly person: Person | undefined
  readonly provider: AgentProvider
  readonly options: AgentOptions
  /** The tokens and sessions it holds; `wallet.clear()` drops them all. */
  readonly wallet: Wallet = new Wallet()
  readonly env: Env
  #key: TownKey
  #agent: ProductionAgent

  readonly #parent: Agent | undefined

  /** Use `town.agent`, or {@link Agent.subAgent}. */
  constructor(env: Env, provider: AgentProvider, name: string, options: AgentOptions = {}, parent?: Agent) {
    this.env = env
    this.name = name
    this.provider = provider
    this.#parent = parent
    this.identifier = provider.identifierOf(name, parent?.local)
    this.person = options.person
    this.options = options
    this.#key = createKey(options.alg)
    this.#agent = this.#withKey()
  }

  /** @internal The local part of its identifier. */
  get local(): string {
    return this.#parent === undefined ? this.name : `${this.#parent.local}+${this.name}`
  }

  /** Its current key. */
  get key(): TownKey {
    return this.#key
  }

  /** Takes a new key; every token bound to the old one is dropped. */
  rotateKey(alg?: AlgorithmName): TownKey {
    this.#key = createKey(alg ?? this.#key.algorithm.name)
    this.#agent = this.#withKey()
    this.wallet.clear()
    return this.#key
  }

  /** Its agent token, from its provider; renewed when it expires. */
  async agentToken(): Promise<HeldToken> {
    await this.#agent.agentToken()
    return this.wallet.agentToken as HeldToken
  }

  /**
   * A sub-agent (AAuth 10.2), `aauth:sam+brother@ap.example`, with its own key and agent token, acting for the same
   * person. Its `fetch` lets this agent obtain the tokens it needs from the person server, which does not accept
   * requests of sub-agents. A sub-agent has no sub-agents: the agent provider issues them no tokens.
   */
  subAgent(name: string, options: Omit<AgentOptions, 'person'> = {}): Agent {
    return new Agent(this.env, this.provider, name, { ...options, person: this.person }, this)
  }

  /** A new agent token for this agent's key. `overrides` are for hostile tests. */
  mintAgentToken(overrides?: MintOverrides): Promise<string> {
    return this.provider.mintAgentToken(
      { name: this.name, parent: this.#parent?.local, cnf: this.#key.cnf, ps: this.person?.ps },
      overrides,
    )
  }

  /**
   * A `fetch` that meets all requirements of the resource. Resolves with the resource's answer, whatever its status,
   * once nothing more is required. If a session must begin first, it sends the request again with the session, and
   * resolves with that answer.
   *
   * @throws AgentGaveUp when a requirement cannot be met
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.#agent.fetch(input, init)
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

  /** Sends a request unchanged, over loopback, and records it in the ledger. */
  async send(request: WireRequest): Promise<Response> {
    return (await this.env.exchange(this.name, request)).response
  }

  /** Signs and sends one request, without meeting requirements in the answer. */
  async request(request: TownRequest, options?: AgentSignOptions): Promise<Response> {
    return this.send(await this.sign(request, options))
  }

  /** @internal The parent of a sub-agent, with its current key. */
  asParent(): ParentAgent {
    return {
      fetchPersonToken: (resource, terms) => this.#agent.fetchPersonToken(resource, terms),
      fetchAuthToken: (challenge, terms) => this.#agent.fetchAuthToken(challenge, terms),
    }
  }

  #withKey(): ProductionAgent {
    const { capabilities = ['interaction'], maxSteps = 30, onInteraction, ...options } = this.options
    const { clock, strict, wait } = this.env
    return createAgent({
      key: this.#key.privateJwk,
      agentToken: () => this.mintAgentToken(),
      personServer: this.person?.ps,
      parent: this.#parent?.asParent(),
      wallet: this.wallet,
      // In a town, the test itself may play the person.
      onInteraction: onInteraction ?? (() => undefined),
      onClarification: options.onClarification,
      capabilities,
      mission: options.mission,
      justification: options.justification,
      limits: { steps: maxSteps },
      fetch: async (input, init) => {
        const request = new Request(input, init)
        const { response } = await this.env.exchange(this.name, await fromFetch(request), request.signal)
        return response
      },
      clock,
      wait,
      strict,
    })
  }
}

import { isServerIdentifier, readClaims, type SigningKey } from '@countersign/core/issuer'
import { Call } from './call.js'
import { checkAgentToken, Unfit } from './checks.js'
import { abortable } from './content.js'
import type { AgentContext, Upstream } from './context.js'
import { AgentError } from './error.js'
import { type HeldToken, holdToken, usable } from './held.js'
import type { AgentOptions } from './options.js'
import { Run } from './run.js'
import { type Settings, settle } from './settings.js'
import {
  requestAuthToken,
  requestPersonToken,
  resumeTokenRequest,
  type TokenTerms,
} from './token-requests.js'
import type { Unfinished } from './unfinished.js'
import { createMemoryWallet, type Wallet } from './wallet.js'

/** For whom a token is requested, and when the request may be given up. */
export interface TokenRequestOptions extends TokenTerms {
  readonly signal?: AbortSignal | undefined
}

/** A challenge for an auth token (AAuth 6.5). */
export interface AuthTokenChallenge {
  /** The identifier of the resource that sent the challenge. */
  readonly resource: string
  /** The `resource-token` of the challenge. */
  readonly resourceToken: string
  /** The person or auth token that was presented when the challenge came. */
  readonly presentedToken: string
}

/** The caller on whose behalf a resource calls others (AAuth 10.1). */
export interface OnBehalf {
  /** The person or auth token in `Signature-Key` of the caller's request, which must have been verified. */
  readonly token: string
  /** Where tokens and sessions for this caller are kept. Default: in memory, at most 100, separate from all others. */
  readonly wallet?: Wallet | undefined
}

/** An agent: a `fetch` that meets what resources require. */
export interface Agent {
  /** The public half of its key. */
  readonly publicJwk: SigningKey['publicJwk']
  /** The RFC 7638 SHA-256 thumbprint of its key. */
  readonly jkt: string
  /**
   * Like Node's `fetch`, but it signs every request and meets what the resource requires: person and auth tokens, a
   * session, waiting for a person. Resolves with the resource's answer, whatever its status, once nothing more is
   * required. Only `https`. Redirects are not followed: a `3xx` is returned like any answer. The content of the
   * request is read into memory before anything is sent, because its digest is signed; the content of the answer is
   * streamed.
   *
   * A request is repeated only if a resource has answered that it was not carried out. After a lost connection it is
   * not repeated, whatever its method.
   *
   * @throws AgentError when a requirement cannot be met; the reason of `signal` when that aborts
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /**
   * Its agent token, renewed if necessary.
   *
   * @throws AgentError `bad_agent_token`
   */
  agentToken(options?: { readonly signal?: AbortSignal | undefined }): Promise<string>
  /**
   * Requests a new person token for a resource (AAuth 7.1). `fetch` does this by itself. This method is for
   * presenting the token in another way, and for parents, with `members: { subagent_token }` and `jkt` of the
   * sub-agent's key (AAuth 10.2).
   *
   * @throws AgentError
   */
  fetchPersonToken(resource: string, options?: TokenRequestOptions): Promise<string>
  /**
   * Requests a new auth token for a challenge (AAuth 7.2), whose resource token is checked first. For the same uses
   * as {@link Agent.fetchPersonToken}.
   *
   * @throws AgentError
   */
  fetchAuthToken(challenge: AuthTokenChallenge, options?: TokenRequestOptions): Promise<string>
  /**
   * The same agent acting for a caller of its own. Its token requests go to the person server that the caller's token
   * names, with `upstream_token`, and no token it fetches outlives the caller's.
   *
   * @throws TypeError when the token is no person or auth token
   */
  onBehalfOf(caller: OnBehalf): Agent
  /**
   * Continues after an `interaction_required` error of this agent, once the person has been sent to the page: waits
   * for the decision. A token is kept in the wallet for later calls of `fetch`, and the result is `undefined`. The
   * answer of a resource is itself the result, unless it only says that a session has begun; the request then has to
   * be made again.
   *
   * @throws AgentError `denied`, `abandoned`, `expired`, …
   */
  resume(
    unfinished: Unfinished,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Response | undefined>
  /** Deletes what is kept for one resource. */
  forget(resource: string): Promise<void>
}

class SigningAgent implements Agent, Omit<AgentContext, 'agentToken'> {
  readonly settings: Settings
  readonly upstream: Upstream | undefined
  readonly #context: AgentContext
  /** Holds the agent token, whichever caller the agent acts for. */
  readonly #tokens: Wallet

  constructor(settings: Settings, tokens: Wallet, upstream?: Upstream) {
    this.settings = settings
    this.upstream = upstream
    this.#tokens = tokens
    this.#context = {
      settings,
      upstream,
      now: () => this.now(),
      agentToken: (signal, refused) => this.#agentToken(signal, refused),
    }
  }

  get publicJwk(): SigningKey['publicJwk'] {
    return this.settings.key.publicJwk
  }

  get jkt(): string {
    return this.settings.key.jkt
  }

  now(): number {
    return Math.floor(this.settings.clock() / 1000)
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    if (!request.url.startsWith('https:'))
      throw new TypeError(
        `an agent speaks https only, and calls an API by the name of its resource, not ${new URL(request.url).origin}; in a test town.route(host, port) of the devkit says where that listens`,
      )
    const run = new Run(this.#context, request.signal)
    return run.during(() => new Call(run, request).response())
  }

  async agentToken({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<string> {
    return this.#during(signal, async (run) => (await this.#agentToken(run.signal)).jwt)
  }

  async fetchPersonToken(resource: string, { signal, ...terms }: TokenRequestOptions = {}): Promise<string> {
    if (!isServerIdentifier(resource)) throw new TypeError('fetchPersonToken: the resource is no identifier')
    return this.#during(signal, async (run) => (await requestPersonToken(run, resource, terms)).jwt)
  }

  async fetchAuthToken(
    { resource, resourceToken, presentedToken }: AuthTokenChallenge,
    { signal, ...terms }: TokenRequestOptions = {},
  ): Promise<string> {
    const presented = holdToken('person', presentedToken)
    if (presented === undefined) throw new TypeError('fetchAuthToken: presentedToken is no token')
    const challenge = { resource, resourceToken, presented }
    return this.#during(signal, async (run) => (await requestAuthToken(run, challenge, terms)).jwt)
  }

  onBehalfOf({ token, wallet = createMemoryWallet(100) }: OnBehalf): Agent {
    const upstream = readUpstream(token)
    if (upstream === undefined) throw new TypeError('onBehalfOf: the token is no person or auth token')
    return new SigningAgent({ ...this.settings, wallet }, this.#tokens, upstream)
  }

  async resume(
    unfinished: Unfinished,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Response | undefined> {
    const { kind, url, codes, resource } = unfinished
    return this.#during(signal, async (run) => {
      if (kind === 'answer') return new Call(run, new Request(url)).resume(codes)
      const token = await resumeTokenRequest(run, unfinished)
      const { wallet } = this.settings
      await run.call('wallet_failed', 'wallet.set', () =>
        wallet.set(kind, resource, token.jwt, token.claims.exp),
      )
      return undefined
    })
  }

  async forget(resource: string): Promise<void> {
    for (const kind of ['person', 'auth', 'session'] as const)
      await this.settings.wallet.delete(kind, resource)
  }

  #during<T>(signal: AbortSignal | undefined, work: (run: Run) => Promise<T>): Promise<T> {
    const run = new Run(this.#context, signal ?? new AbortController().signal)
    return run.during(() => work(run))
  }

  async #agentToken(signal: AbortSignal, refused?: string): Promise<HeldToken> {
    const { key, agentToken } = this.settings
    try {
      const kept = await abortable(this.#tokens.get('agent', ''), signal)
      const held = usable(holdToken('agent', kept), this.now())
      if (held !== undefined && held.jwt !== refused) return held
      if (kept !== undefined) await abortable(Promise.resolve(this.#tokens.delete('agent', '')), signal)
      const { publicJwk } = key
      const given = await abortable(
        typeof agentToken === 'string' ? agentToken : agentToken({ publicJwk, signal }),
        signal,
      )
      const token = checkAgentToken(given, key.jkt, this.now())
      if (token instanceof Unfit) throw new AgentError('bad_agent_token', token.why)
      await abortable(Promise.resolve(this.#tokens.set('agent', '', token.jwt, token.claims.exp)), signal)
      return token
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AgentError) throw cause
      throw new AgentError('bad_agent_token', 'it could not be had', { cause })
    }
  }
}

function readUpstream(token: string): Upstream | undefined {
  const claims = readClaims(token)
  if (claims === undefined) return undefined
  // A person token names its person server as issuer, an auth token in `ps`. Only auth tokens have `ps`.
  const { iss, ps = iss, exp } = claims
  return isServerIdentifier(ps) && typeof exp === 'number'
    ? { token: async () => token, ps, expires: exp }
    : undefined
}

/**
 * Creates an agent.
 *
 * @throws TypeError naming the invalid option
 *
 * @example
 * ```ts
 * import { createAgent } from '@countersign/agent'
 *
 * const agent = createAgent({
 *   key: JSON.parse(process.env['AGENT_KEY'] ?? '{}'),
 *   agentToken: async () => (await fetch('http://127.0.0.1:4000/token')).text(),
 *   onInteraction: ({ link }) => console.log(`Please open ${link}`),
 * })
 * const response = await agent.fetch('https://notes.example/notes')
 * console.log(response.status, await response.json())
 * ```
 */
export function createAgent(options: AgentOptions): Agent {
  const settings = settle(options)
  return new SigningAgent(settings, settings.wallet)
}

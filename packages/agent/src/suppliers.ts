import { createGuardedFetch } from '@countersign/core'
import {
  type Authority,
  type ConnectSuppliers,
  type OwnAgent,
  type Progress,
  SupplierFault,
  type SupplierFaultCode,
  type Suppliers,
  type SuppliersContext,
  type Wait,
} from '@countersign/core/adapter'
import { Call } from './call.js'
import { discard } from './content.js'
import type { AgentContext, Deferral } from './context.js'
import { AgentError } from './error.js'
import { type HeldToken, holdToken } from './held.js'
import { badEnd, isUnanswered, pageOf } from './poll.js'
import { readRequirement } from './requirement.js'
import { Run, retryAfter } from './run.js'
import { type Settings, settle } from './settings.js'
import { grantedToken } from './token-requests.js'
import type { Wallet } from './wallet.js'

/** Bytes of a supplier's answer that the guarded fetch accepts. */
const longestAnswer = 16 * 1024 * 1024

/**
 * Gives a resource server that calls other resources (option `onward`) an agent of this package. The adapters for
 * Express and Fastify do this by themselves.
 *
 * @example
 * ```ts
 * import { connectSuppliers } from '@countersign/agent'
 * import { createResourceServer } from '@countersign/core'
 *
 * const server = createResourceServer({
 *   resource: 'https://shop.example',
 *   signingKeys: [JSON.parse(process.env['AAUTH_KEY'] ?? '{}')],
 *   onward: { connect: connectSuppliers },
 * })
 * ```
 */
export const connectSuppliers: ConnectSuppliers = (context: SuppliersContext): Suppliers => {
  const { agent, clock } = context
  const limits = { timeout: 120_000, jwksBytes: longestAnswer }
  const fetch = context.fetch ?? createGuardedFetch({ ...context.guard, limits })
  // The key of a resource is rotated; the other settings stay the same.
  const settings = settle({
    key: { publicJwk: agent.key.publicJwk, sign: (data: Uint8Array) => agent.key.sign(data) },
    agentToken: () => agent.token(),
    fetch,
    issuers: context.issuers,
    clock,
  })
  const contextFor = (
    given: Pick<Authority, 'capabilities'>,
    more: Partial<AgentContext> = {},
  ): AgentContext => ({
    settings: { ...settings, ...wordsOf(given), key: agent.key },
    upstream: undefined,
    now: () => Math.floor(clock() / 1000),
    agentToken: () => ownToken(agent),
    ...more,
  })
  return {
    async fetch(request, authority) {
      const { ps, exp, signal } = authority
      const acting = contextFor(authority, {
        upstream: { ps, expires: exp, token: () => authority.upstream() },
        defer: (deferral) => {
          throw new Deferred(deferral)
        },
      })
      const wallet = walletOf(authority)
      const run = new Run({ ...acting, settings: { ...acting.settings, wallet } }, signal)
      try {
        return await run.during(() => new Call(run, request).response())
      } catch (cause) {
        if (cause instanceof Deferred) return waiting(cause.deferral)
        return faultOf(cause, signal)
      }
    },
    async poll(wait, authority) {
      const upstream = { ps: authority.ps, expires: authority.exp, token: unneeded }
      const run = new Run(contextFor(authority, { upstream }), authority.signal)
      try {
        return await run.during(() => poll(run, wait, authority))
      } catch (cause) {
        return faultOf(cause, authority.signal)
      }
    },
    async cancel(wait, signal) {
      const run = new Run(contextFor({ capabilities: [] }), signal)
      await run.during(async () => discard(await send(run, wait, 'DELETE')))
    },
  }
}

/** Polls need no upstream token. */
const unneeded = async (): Promise<string> => {
  throw new Error('a poll has no use for an upstream token')
}

/** What is declared to suppliers of a caller who can, or cannot, be sent to a page. */
function wordsOf({ capabilities }: Pick<Authority, 'capabilities'>): Partial<Settings> {
  return { capabilities, onInteraction: undefined, onClarification: undefined }
}

/** Thrown to end a call that has to wait. */
class Deferred extends Error {
  readonly deferral: Deferral
  constructor(deferral: Deferral) {
    super('deferred')
    this.deferral = deferral
  }
}

async function ownToken(agent: OwnAgent): Promise<HeldToken> {
  const token = holdToken('agent', await agent.token())
  if (token === undefined) throw new AgentError('bad_agent_token', 'our own agent token is none')
  return token
}

/** The wallet for one caller. The agent token is shared by all callers and kept elsewhere. */
function walletOf({ wallet, exp }: Authority): Wallet {
  return {
    get: (kind, supplier) => (kind === 'agent' ? undefined : wallet.get(kind, supplier)),
    set: (kind, supplier, value, expires) => {
      if (kind !== 'agent') wallet.set(kind, supplier, value, expires ?? exp)
    },
    delete: (kind, supplier) => {
      if (kind !== 'agent') wallet.delete(kind, supplier)
    },
  }
}

function waiting(deferral: Deferral): SupplierFault {
  const { kind, resource: supplier, url, interaction, retryAfter: seconds, token, resourceToken } = deferral
  const wait: Wait = {
    supplier,
    url,
    brings: kind,
    ...(resourceToken === undefined ? {} : { resourceToken }),
    ...(interaction === undefined ? {} : { interaction }),
    retryAfter: seconds,
    ...(kind === 'answer' ? { presented: token } : {}),
  }
  return new SupplierFault('waiting', 'somebody has to decide first', { wait })
}

async function send(run: Run, wait: Wait, method: 'GET' | 'DELETE'): Promise<Response> {
  const own = await run.agent.agentToken(run.signal)
  const presented = holdToken('person', wait.presented)
  // The key is the same, so any of its tokens identifies us.
  const token = presented !== undefined && presented.claims.exp > run.agent.now() ? presented.jwt : own.jwt
  return run.send({
    to: wait.brings === 'answer' ? 'resource' : 'party',
    method,
    url: new URL(wait.url),
    headers: new Headers(),
    content: undefined,
    token,
  })
}

type PollAuthority = Parameters<Suppliers['poll']>[1]

async function poll(run: Run, wait: Wait, authority: PollAuthority): Promise<Progress> {
  const response = await send(run, wait, 'GET')
  const { status } = response
  if (status === 202 || status === 429) {
    discard(response)
    const requirement = readRequirement(response)
    const name = requirement?.name ?? 'approval'
    const page = name === 'interaction' ? pageOf(requirement?.parameters ?? {}) : undefined
    // Nobody would bring it, and the call would wait until it expires.
    if (!(name === 'interaction' ? page !== undefined : name === 'approval')) {
      discard(await send(run, wait, 'DELETE'))
      return name === 'clarification'
        ? new SupplierFault('interaction_required', 'a question has to be answered')
        : new SupplierFault('supplier_failed', `a pending URL requires ${name}, which cannot be brought`)
    }
    const seconds = (retryAfter(response) ?? 5) + (status === 429 ? 5 : 0)
    // Without a requirement, the person has reached the page that they were sent to.
    const interaction = page ?? wait.interaction
    return {
      state: 'waiting',
      wait: { ...wait, retryAfter: seconds, ...(interaction === undefined ? {} : { interaction }) },
    }
  }
  if (await isUnanswered(run, response)) {
    discard(response)
    const more = { retryAfter: retryAfter(response) }
    return new SupplierFault('supplier_unavailable', `a pending URL answered ${status}`, more)
  }
  if (status === 404 || status === 410) {
    const bad = await badEnd(run, response)
    if (bad?.code === 'invalid_code')
      return new SupplierFault('abandoned', 'the interaction code was not accepted')
    discard(response)
    return new SupplierFault('gone', `a pending URL answered ${status}`)
  }
  const bad = await badEnd(run, response)
  if (bad !== undefined) throw bad
  const { brings: kind, supplier: resource, resourceToken } = wait
  if (kind === 'answer') return answered(run, response, authority)
  const { jwt, claims } = await grantedToken(run, response, { kind, resource, resourceToken })
  return { state: 'token', kind, value: jwt, exp: claims.exp }
}

/**
 * The supplier's answer; or `undefined` when it only says that a session has begun, and the call has to be repeated
 * with it.
 */
async function answered(run: Run, response: Response, { exp }: PollAuthority): Promise<Progress> {
  const session = response.headers.get('aauth-access')
  if (response.status === 200 && session !== null) {
    const body = await run.peek(response)
    if (body?.['status'] === 'authorized') {
      discard(response)
      return { state: 'token', kind: 'session', value: session, exp }
    }
  }
  return { state: 'answer', response }
}

/**
 * The fault for the resource server that a failed run amounts to.
 *
 * @throws errors that neither the supplier's side nor our time limit caused
 */
function faultOf(cause: unknown, signal: AbortSignal): SupplierFault {
  if (signal.aborted) {
    const isLate = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError'
    if (!isLate) throw signal.reason
    return new SupplierFault('supplier_unavailable', 'there was no answer in time')
  }
  if (!(cause instanceof AgentError)) throw cause
  const { code, status, retryAfter: seconds, message } = cause
  return new SupplierFault(codeOf(code, status), message, { retryAfter: seconds })
}

function codeOf(code: string, status: number | undefined): SupplierFaultCode {
  const known = ends.get(code)
  if (known !== undefined) return known
  // From a person server. The answer of a resource is passed on as it is.
  if (status === 429 || status === 503) return 'supplier_unavailable'
  return status === 403 && code !== 'bad_answer' ? 'denied' : 'supplier_failed'
}

const ends: ReadonlyMap<string, SupplierFaultCode> = new Map<string, SupplierFaultCode>([
  ['denied', 'denied'],
  ['abandoned', 'abandoned'],
  ['expired', 'expired'],
  ['revoked', 'revoked'],
  ['expired_upstream_token', 'expired'],
  ['revoked_upstream_token', 'revoked'],
  ['invalid_upstream_token', 'invalid_upstream_token'],
  ['as_unreachable', 'as_unreachable'],
  ['user_unreachable', 'interaction_required'],
  ['interaction_required', 'interaction_required'],
  ['clarification_required', 'interaction_required'],
  ['unreachable', 'supplier_unavailable'],
  ['timed_out', 'supplier_unavailable'],
])

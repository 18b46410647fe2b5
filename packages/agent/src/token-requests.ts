import { isEndpointUrl, isServerIdentifier } from '@countersign/core/issuer'
import { Refusal } from '@countersign/core/signature'
import {
  type Checker,
  checkAuthToken,
  checkPersonToken,
  checkResourceToken,
  Unfit,
  verifyPersonToken,
} from './checks.js'
import { abortable, discard } from './content.js'
import { type HeldToken, holdToken } from './held.js'
import { throughParent } from './parent.js'
import { pendingUrl, Wait } from './poll.js'
import { readSignatureError } from './requirement.js'
import type { Run } from './run.js'
import type { Undertaking, Unfinished } from './unfinished.js'

/** For whom tokens are requested, if not for the agent itself. */
export interface TokenTerms {
  /** Members of the request beside those that the agent sets, which they cannot replace. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** The thumbprint of the key that the token must be bound to. Default: the agent's own. */
  readonly jkt?: string | undefined
}

/** A challenge for an auth token. */
export interface AuthChallenge {
  /** The resource's identifier. */
  readonly resource: string
  readonly resourceToken: string
  /** The person or auth token for which the resource token was issued. */
  readonly presented: HeldToken
}

/** Requests a person token for a resource from the person server (AAuth 7.1). */
export async function requestPersonToken(
  run: Run,
  resource: string,
  terms: TokenTerms = {},
): Promise<HeldToken> {
  const { mission, tokenRequest, capabilities, parent } = run.agent.settings
  const { upstream } = run.agent
  const checker = await checkerFor(run, terms)
  if (parent !== undefined) {
    const members = { ...tokenRequest, ...terms.members }
    const given = await throughParent(run, members, (more) => parent.fetchPersonToken(resource, more))
    return personTokenOf(run, { person_token: given }, resource, checker)
  }
  const body = {
    ...tokenRequest,
    ...terms.members,
    resource,
    capabilities,
    // The upstream token carries the mission, so none is named beside it.
    ...(upstream === undefined
      ? optional('mission_s256', mission)
      : { mission_s256: undefined, upstream_token: await upstream.token() }),
  }
  const answer = await ask(run, checker.ps, 'person_token_endpoint', body, { kind: 'person', resource })
  return personTokenOf(run, answer, resource, checker)
}

/** Requests an auth token from the person server with the resource token of a challenge (AAuth 7.2). */
export async function requestAuthToken(
  run: Run,
  challenge: AuthChallenge,
  terms: TokenTerms = {},
): Promise<HeldToken> {
  const { justification, tokenRequest, capabilities, parent } = run.agent.settings
  const { upstream } = run.agent
  const { resource, resourceToken, presented } = challenge
  const checker = await checkerFor(run, terms)
  const checked = await abortable(checkResourceToken(resourceToken, presented, resource, checker), run.signal)
  if (checked instanceof Unfit) throw run.failed('bad_resource_token', checked.why)
  const members = { ...optional('justification', justification), ...tokenRequest, ...terms.members }
  if (parent !== undefined) {
    const asked = { resource, resourceToken, presentedToken: presented.jwt }
    const given = await throughParent(run, members, (more) => parent.fetchAuthToken(asked, more))
    return authTokenOf(run, { auth_token: given }, checked, checker)
  }
  const body = {
    ...members,
    resource_token: resourceToken,
    presented_token: presented.jwt,
    capabilities,
    ...optional('login_hint', checked.claims['login_hint']),
    ...(upstream === undefined ? {} : { mission_s256: undefined, upstream_token: await upstream.token() }),
  }
  const undertaking = { kind: 'auth', resource, resourceToken } as const
  const answer = await ask(run, checker.ps, 'auth_token_endpoint', body, undertaking)
  return authTokenOf(run, answer, checked, checker)
}

async function checkerFor(run: Run, { jkt }: TokenTerms): Promise<Checker> {
  const { agent } = run
  const { issuers, key } = agent.settings
  const until = agent.upstream?.expires
  const now = agent.now()
  if (until !== undefined && until <= now)
    throw run.failed('expired_upstream_token', 'the token on whose behalf the agent acts has ended')
  return { issuers, jkt: jkt ?? key.jkt, ps: await personServer(run), until, now }
}

/** The person server: named by the upstream token, the options, or the agent token. */
async function personServer(run: Run): Promise<string> {
  const { agent, signal } = run
  const { settings, upstream } = agent
  const ps = upstream?.ps ?? settings.personServer ?? (await agent.agentToken(signal)).claims['ps']
  if (ps === undefined) throw run.failed('no_person', 'a person is required and this agent acts for nobody')
  if (!isServerIdentifier(ps)) throw run.failed('no_person', 'ps of the agent token is no server identifier')
  return ps
}

/** Continues a token request that a person had to decide. */
export async function resumeTokenRequest(run: Run, unfinished: Unfinished): Promise<HeldToken> {
  const { url, codes, ...undertaking } = unfinished
  const wait = new Wait(run, 'party', new URL(url), undertaking, codes)
  return grantedToken(run, await wait.resume(async () => agentToken(run)), undertaking)
}

/** Returns the token at the end of a token request that had to wait. */
export async function grantedToken(
  run: Run,
  response: Response,
  { kind, resource, resourceToken }: Undertaking,
): Promise<HeldToken> {
  const checker = await checkerFor(run, {})
  const answer = await granted(run, response)
  return kind === 'person'
    ? personTokenOf(run, answer, resource, checker)
    : authTokenOf(run, answer, holdToken('auth', resourceToken), checker)
}

async function personTokenOf(
  run: Run,
  answer: Answered,
  resource: string,
  checker: Checker,
): Promise<HeldToken> {
  const given = answer['person_token']
  const now = { ...checker, now: run.agent.now() }
  const token =
    run.agent.upstream === undefined
      ? checkPersonToken(given, resource, now)
      : await abortable(verifyPersonToken(given, resource, now), run.signal)
  if (token instanceof Unfit) throw run.failed('bad_person_token', token.why)
  return token
}

async function authTokenOf(
  run: Run,
  answer: Answered,
  resourceToken: HeldToken | undefined,
  checker: Checker,
): Promise<HeldToken> {
  if (resourceToken === undefined) throw run.failed('bad_resource_token', 'there is none to compare with')
  const now = { ...checker, now: run.agent.now() }
  const token = await abortable(checkAuthToken(answer['auth_token'], resourceToken, now), run.signal)
  if (token instanceof Unfit) throw run.failed('bad_auth_token', token.why)
  return token
}

type Answered = Readonly<Record<string, unknown>>

async function ask(
  run: Run,
  ps: string,
  endpoint: string,
  body: Readonly<Record<string, unknown>>,
  undertaking: Undertaking,
): Promise<Answered> {
  const { agent, signal } = run
  const metadata = await abortable(agent.settings.issuers.metadata(ps, 'aauth-person.json'), signal)
  if (metadata instanceof Refusal)
    throw metadata.code === 'issuer_unavailable'
      ? run.failed('unreachable', `${ps} could not be reached`)
      : run.failed('bad_answer', `${ps}/.well-known/aauth-person.json is nothing usable (${metadata.code})`)
  const href = metadata[endpoint]
  if (!isEndpointUrl(href)) throw run.failed('bad_answer', `${ps} has no usable ${endpoint}`)
  const url = new URL(href)
  const request = {
    to: 'party' as const,
    method: 'POST',
    url,
    // A caller that does not wait here has to know at once that there is something to wait for.
    headers: new Headers({
      'content-type': 'application/json',
      ...(agent.defer === undefined ? { prefer: 'wait=45' } : {}),
    }),
    content: new Uint8Array(Buffer.from(JSON.stringify(body))),
  }
  const token = await agentToken(run)
  let response = await run.send({ ...request, token })
  if (refusesToken(response)) {
    const { jwt: renewed } = await agent.agentToken(signal, token)
    if (renewed !== token) {
      discard(response)
      response = await run.send({ ...request, token: renewed })
    }
  }
  if (response.status !== 202) return granted(run, response)
  const wait = new Wait(run, 'party', pendingUrl(run, response, url), undertaking)
  return granted(run, await wait.end(response, async () => agentToken(run)))
}

async function agentToken({ agent, signal }: Run): Promise<string> {
  return (await agent.agentToken(signal)).jwt
}

/** Whether the agent token itself is refused, so that a new one may help (AAuth 11.3.4). */
function refusesToken(response: Response): boolean {
  const error = response.status === 401 ? readSignatureError(response)?.error : undefined
  return error !== undefined && ['invalid_jwt', 'expired_jwt', 'revoked_jwt', 'unknown_key'].includes(error)
}

async function granted(run: Run, response: Response): Promise<Answered> {
  if (response.status !== 200) throw await run.refused(response)
  const answer = await run.read(response)
  if (answer === undefined)
    throw run.failed('bad_answer', `${response.url || 'a token endpoint'} sent no JSON object`)
  return answer
}

function optional(name: string, value: unknown): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: value }
}

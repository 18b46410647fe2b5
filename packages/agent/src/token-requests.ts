import { isEndpointUrl, isServerIdentifier } from '@countersign/core/issuer'
import { Refusal } from '@countersign/core/signature'
import { type Checker, checkAuthToken, checkPersonToken, checkResourceToken, Unfit } from './checks.js'
import { abortable } from './content.js'
import type { HeldToken } from './held.js'
import { badEnd, isDeferral, Wait } from './poll.js'
import type { Run } from './run.js'

/** For whom tokens are requested, where it is not the agent itself. */
export interface TokenTerms {
  /** Members of the request beside those that the agent writes. They cannot replace those. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** The thumbprint of the key that the token has to be for. Default: the agent's own. */
  readonly jkt?: string | undefined
}

/** A challenge for an auth token. */
export interface AuthChallenge {
  /** The resource's identifier. */
  readonly resource: string
  readonly resourceToken: string
  /** The person or auth token that the resource token was given for. */
  readonly presented: HeldToken
}

/** Requests a person token for a resource from the person server (AAuth 7.1). */
export async function requestPersonToken(
  run: Run,
  resource: string,
  terms: TokenTerms = {},
): Promise<HeldToken> {
  const { mission, tokenRequest, capabilities } = run.agent.settings
  const { upstream } = run.agent
  const checker = await checkerFor(run, terms)
  const answer = await ask(run, checker.ps, 'person_token_endpoint', {
    ...tokenRequest,
    ...terms.members,
    resource,
    capabilities,
    // The mission rides in the upstream token, and none is named beside it.
    ...(upstream === undefined
      ? optional('mission_s256', mission)
      : { mission_s256: undefined, upstream_token: upstream.token }),
  })
  const token = checkPersonToken(answer['person_token'], resource, checker)
  if (token instanceof Unfit) throw run.failed('bad_person_token', token.why)
  return token
}

/** Requests an auth token from the person server with the resource token of a challenge (AAuth 7.2). */
export async function requestAuthToken(
  run: Run,
  challenge: AuthChallenge,
  terms: TokenTerms = {},
): Promise<HeldToken> {
  const { justification, tokenRequest, capabilities } = run.agent.settings
  const { upstream } = run.agent
  const { resource, resourceToken, presented } = challenge
  const checker = await checkerFor(run, terms)
  const checked = await abortable(checkResourceToken(resourceToken, presented, resource, checker), run.signal)
  if (checked instanceof Unfit) throw run.failed('bad_resource_token', checked.why)
  const answer = await ask(run, checker.ps, 'auth_token_endpoint', {
    ...optional('justification', justification),
    ...tokenRequest,
    ...terms.members,
    resource_token: resourceToken,
    presented_token: presented.jwt,
    capabilities,
    ...optional('login_hint', checked.claims['login_hint']),
    ...optional('upstream_token', upstream?.token),
  })
  const now = { ...checker, now: run.agent.now() }
  const token = await abortable(checkAuthToken(answer['auth_token'], checked, now), run.signal)
  if (token instanceof Unfit) throw run.failed('bad_auth_token', token.why)
  return token
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

/** The person server: of the upstream token, of the options, or of the agent token. */
async function personServer(run: Run): Promise<string> {
  const { agent, signal } = run
  const { settings, upstream } = agent
  const ps = upstream?.ps ?? settings.personServer ?? (await agent.agentToken(signal)).claims['ps']
  if (ps === undefined) throw run.failed('no_person', 'a person is required and this agent acts for nobody')
  if (!isServerIdentifier(ps)) throw run.failed('no_person', 'ps of the agent token is no server identifier')
  return ps
}

async function ask(
  run: Run,
  ps: string,
  endpoint: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const { agent, signal } = run
  const metadata = await abortable(agent.settings.issuers.metadata(ps, 'aauth-person.json'), signal)
  if (metadata instanceof Refusal)
    throw run.failed('unreachable', `${ps} publishes nothing usable (${metadata.code})`)
  const href = metadata[endpoint]
  if (!isEndpointUrl(href)) throw run.failed('unreachable', `${ps} has no usable ${endpoint}`)
  const request = {
    to: 'party' as const,
    method: 'POST',
    url: new URL(href),
    headers: new Headers({ 'content-type': 'application/json', prefer: 'wait=45' }),
    content: new Uint8Array(Buffer.from(JSON.stringify(body))),
  }
  const token = async (): Promise<string> => (await agent.agentToken(signal)).jwt
  let response = await run.send({ ...request, token: await token() })
  if (isDeferral(response)) response = await new Wait(run, response, request).end(response, token)
  if (response.status !== 200) throw (await badEnd(run, response)) ?? (await run.refused(response))
  const answer = await run.read(response)
  if (answer === undefined) throw run.failed('bad_answer', `${ps} sent no JSON object`)
  return answer
}

function optional(name: string, value: unknown): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: value }
}

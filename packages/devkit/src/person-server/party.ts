import type { CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { checkSubAgentToken } from '../checks/subagent-token.js'
import { nameOf, type VerifiedToken } from '../checks/tokens.js'
import { checkUpstreamToken } from '../checks/upstream-token.js'
import type { Ground } from '../server/lapse.js'
import type { TokenRecord } from './chain.js'
import type { PersonServerContext } from './context.js'
import type { ConsentRequest, Person } from './person.js'

/** Who sends a token request, for whom, and by what right. */
export interface Party {
  /** The signer. */
  readonly caller: CallingAgent
  /** The owner of the key that the tokens will be bound to: the caller, or one of its sub-agents. */
  readonly holder: CallingAgent
  readonly person: Person
  /** The token with which an intermediary acts for the person; `undefined` for the person's own agent. */
  readonly upstream: VerifiedToken | undefined
}

/** Reads `subagent_token` and `upstream_token` (AAuth 10.1, 10.2) and finds the person. */
export async function readParty(
  ps: PersonServerContext,
  caller: CallingAgent,
  body: JsonObject,
): Promise<Party | Fault> {
  ps.noteAgentToken(caller)
  if (caller.token.claims['parent_agent'] !== undefined) {
    return new Fault('invalid_request', 'a sub-agent asks through its parent')
  }
  const holder = await readHolder(ps, caller, body['subagent_token'] as string | undefined)
  if (holder instanceof Fault) return holder
  const upstreamToken = body['upstream_token'] as string | undefined
  if (upstreamToken === undefined) {
    const person = ps.employerOf(caller.agent)
    return person === undefined
      ? new Fault('access_denied', 'nobody here employs this agent', 403)
      : { caller, holder, person, upstream: undefined }
  }
  const upstream = await readUpstream(ps, caller, upstreamToken)
  if (upstream instanceof Fault) return upstream
  const { token, person } = upstream
  return { caller, holder, person, upstream: token }
}

async function readHolder(
  ps: PersonServerContext,
  caller: CallingAgent,
  subAgentToken: string | undefined,
): Promise<CallingAgent | Fault> {
  if (subAgentToken === undefined) return caller
  const holder = await checkSubAgentToken(subAgentToken, caller.token, contextOf(ps))
  if (!(holder instanceof Fault)) ps.noteAgentToken(holder)
  return holder
}

async function readUpstream(
  ps: PersonServerContext,
  caller: CallingAgent,
  jwt: string,
): Promise<{ readonly token: VerifiedToken; readonly person: Person } | Fault> {
  const intermediary = caller.token.claims['iss']
  const token = await checkUpstreamToken(jwt, { ...contextOf(ps), ps: ps.id, intermediary })
  if (token instanceof Fault) return token
  // Anyone may run an access server and sign that it acts for a person of ours.
  if (!ps.isIssuer(token.claims['iss'], intermediary))
    return new Fault('invalid_upstream_token', 'its issuer was never asked for a person of this server')
  const person = ps.personOf(intermediary, token.claims['sub'])
  return person === undefined
    ? new Fault('invalid_upstream_token', 'nobody is recorded under its aud and sub')
    : { token, person }
}

function contextOf({ server }: PersonServerContext) {
  return {
    env: server.env,
    directory: server.directory,
    isRevoked: (iss: unknown, jti: unknown) => server.isRevoked(iss, jti),
  }
}

/** The tokens that must stay valid for everything issued to this party. */
export function groundsOf({ caller, holder, upstream }: Party): readonly Ground[] {
  // The upstream token first: tokens issued on it end in the same second, and it is the reason.
  const grounds: Ground[] = upstream === undefined ? [] : [['upstream token', upstream]]
  grounds.push(['agent token', caller.token])
  if (holder !== caller) grounds.push(['sub-agent token', holder.token])
  return grounds
}

/** The part of a request for consent that says who asks; a chained request shows the person where it comes from. */
export function askerOf(
  ps: PersonServerContext,
  { caller, holder, upstream }: Party,
): Pick<ConsentRequest, 'agent' | 'subAgent' | 'chain'> {
  return {
    agent: caller.agent,
    ...(holder === caller ? {} : { subAgent: holder.agent }),
    ...(upstream === undefined ? {} : { chain: ps.chainOf(nameOf(upstream)) }),
  }
}

/** What is remembered with a token about the party that it was issued to. */
export function issuedTo({
  caller,
  holder,
  upstream,
}: Party): Pick<TokenRecord, 'agent' | 'parent' | 'upstream'> {
  return {
    agent: holder.agent,
    parent: holder === caller ? undefined : caller.agent,
    upstream: upstream === undefined ? undefined : nameOf(upstream),
  }
}

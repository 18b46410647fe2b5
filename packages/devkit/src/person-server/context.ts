import type { CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import type { TokenName } from '../checks/tokens.js'
import type { PendingRequests } from '../server/pending.js'
import type { TownServer } from '../server/town-server.js'
import type { TokenRecord } from './chain.js'
import type { Person } from './person.js'
import type { ResourceFlows } from './resource-flow.js'

/** The content of a person token to mint. */
export interface PersonTokenRequest {
  readonly person: Person
  /** The resource's identifier. */
  readonly resource: string
  /** The agent's public key. */
  readonly cnf: JsonObject
  /** The agent it is for; remembered, so that revoking its agent token can also revoke this one. */
  readonly agent?: string | undefined
  /** The parent of a sub-agent, likewise. */
  readonly parent?: string | undefined
  /** The token with which an intermediary requested it; remembered for {@link PersonServer.chainOf}. */
  readonly upstream?: TokenName | undefined
  readonly mission?: string | undefined
  /** Seconds; no later than an hour from now (7.1.2), which is the default. */
  readonly expiresAt?: number | undefined
}

/** The content of an auth token to mint. */
export interface AuthTokenRequest extends PersonTokenRequest {
  readonly scope?: string | undefined
  readonly account?: string | undefined
  /** Claims released in addition to those of the protocol. */
  readonly released?: JsonObject | undefined
}

/** A mission, as the person server remembers it. */
export interface Mission {
  /** The agent that it was given to. */
  readonly agent: string
  /** Seconds; none by default. */
  readonly expiresAt?: number | undefined
}

/** The part of a person server that its endpoints use. */
export interface PersonServerContext {
  readonly id: string
  readonly server: TownServer
  readonly pending: PendingRequests
  readonly flows: ResourceFlows
  readonly scopesSupported: readonly string[] | undefined
  employerOf(agent: string): Person | undefined
  missionOf(mission: unknown): Mission | undefined
  noteAgentToken(caller: CallingAgent): void
  /** The person whom a resource knows by this subject. */
  personOf(resource: unknown, sub: unknown): Person | undefined
  /** Whether tokens of this issuer for this resource may name people of this server. */
  isIssuer(issuer: unknown, resource: unknown): boolean
  /** Remembers that an access server was asked for a resource. */
  noteAccessServer(accessServer: string, resource: string): void
  /** Remembers a token of an access server that was passed on. */
  noteDelivered(record: TokenRecord): void
  chainOf(token: TokenName): readonly TokenRecord[]
  subjectOf(person: Person, resource: string): string
  isIntroduced(person: Person, agent: string, resource: string): boolean
  introduce(person: Person, agent: string, resource: string): void
  mintPersonToken(request: PersonTokenRequest): Promise<string>
  mintAuthToken(request: AuthTokenRequest): Promise<string>
}

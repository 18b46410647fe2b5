import { randomUUID } from 'node:crypto'
import type { Agent } from '../agent/agent.js'
import type { JsonObject } from '../checks/directory.js'
import { type MintOverrides, mintJwt } from '../keys/mint.js'
import type { Person } from '../person-server/person.js'
import type { Setting } from './setting.js'

/** What a token request needs, each part of which a test can spoil. */
export interface Papers {
  readonly presented: string
  readonly resourceToken: string
}

/** How papers are to be wrong. */
export interface Spoilt {
  readonly resourceToken?: MintOverrides
  readonly presented?: MintOverrides
}

/** A person token and a resource token that go together, except for what is spoilt. */
export async function papersOf(
  { town, shop }: Setting,
  sam: Agent,
  spoilt: Spoilt = {},
  audience?: string,
): Promise<Papers> {
  const person = sam.person as Person
  const presented = await town.ps.mintPersonToken(
    { person, resource: shop.id, cnf: sam.key.cnf, mission: sam.options.mission },
    spoilt.presented,
  )
  // Read from what the person server remembers: a spoilt token says something else.
  const original = town.ps.issued.at(-1)
  const iat = Math.floor(town.clock() / 1000)
  const claims: JsonObject = {
    iss: shop.id,
    dwk: 'aauth-resource.json',
    aud: audience ?? town.ps.id,
    ps: town.ps.id,
    sub: original?.sub,
    presented_jti: original?.jti,
    agent_jkt: sam.key.jkt,
    scope: 'shop.buy',
    mission_s256: sam.options.mission,
    tenant: person.tenant,
    jti: randomUUID(),
    iat,
    exp: iat + 300,
  }
  const resourceToken = await mintJwt(
    shop.server.keys.current,
    'aa-resource+jwt',
    claims,
    spoilt.resourceToken,
  )
  return { presented, resourceToken }
}

/** Asks a token endpoint by hand. */
export async function askToken(
  sam: Agent,
  url: string,
  body: JsonObject,
): Promise<{ status: number; error: unknown }> {
  const headers = { 'Content-Type': 'application/json' }
  const response = await sam.request({ method: 'POST', url, headers, body: JSON.stringify(body) })
  const { error } = (await response.json()) as { error?: unknown }
  return { status: response.status, error }
}

import { readRequirement } from '@countersign/agent'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccessRequest } from '../access-server/decision.js'
import type { Agent } from '../agent/agent.js'
import type { JsonObject } from '../checks/directory.js'
import { createKey, type TownKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import { openSetting, reasonOf, type Setting } from '../testing/setting.js'
import type { ConsentRequest } from './person.js'

const person = 'https://ps.example/person'
const endpoint = 'https://ps.example/token'
const resource = 'https://shop.example'
const bread = `${resource}/bread`

let setting: Setting
let sam: Agent
let helper: TownKey
let asked: ConsentRequest[]
beforeEach(async () => {
  setting = await openSetting()
  asked = []
  const consent = (ask: ConsentRequest) => asked.push(ask) > 0
  sam = setting.sam({ consent, introduction: consent })
  helper = createKey()
  // The provider knows the parent, as it would.
  await sam.agentToken()
})
afterEach(() => setting.town.close())

/** The agent token of sam's helper. */
const helperToken = (overrides?: MintOverrides): Promise<string> =>
  setting.town.ap.mintAgentToken({ name: 'brother', parent: 'sam', cnf: helper.cnf }, overrides)

async function ask(url: string, body: JsonObject, token?: string): Promise<JsonObject> {
  const headers = { 'Content-Type': 'application/json' }
  const options = token === undefined ? {} : { token, key: helper }
  const response = await sam.request({ method: 'POST', url, headers, body: JSON.stringify(body) }, options)
  return { status: response.status, ...((await response.json()) as JsonObject) }
}

/** What sam's helper needs to buy, obtained by sam. */
async function papers(subAgentToken: string) {
  const { person_token: presented } = await ask(person, { resource, subagent_token: subAgentToken })
  const challenge = await sam.request(
    { method: 'POST', url: bread },
    { token: presented as string, key: helper },
  )
  const resourceToken = readRequirement(challenge)?.parameters['resource-token']
  return { resource_token: resourceToken, presented_token: presented }
}

describe('sub-agents at their agent provider (10.2.1)', () => {
  it('have a name beneath their parent’s, and say whose they are', async () => {
    expect(decodeJwt(await helperToken())).toMatchObject({
      iss: 'https://ap.example',
      sub: 'aauth:sam+brother@ap.example',
      parent_agent: 'aauth:sam@ap.example',
    })
  })

  it('have none of their own', async () => {
    await helperToken()
    const { ap } = setting.town
    const deeper = ap.mintAgentToken({ name: 'friend', parent: 'sam+brother', cnf: helper.cnf })
    await expect(deeper).rejects.toThrow('sam+brother is a sub-agent and has none of its own')
  })

  it.each(['', 'a+b', 'a b', 'a@b', 'x'.repeat(65)])('have no name like “%s”', async (name) => {
    const named = setting.town.ap.mintAgentToken({ name, parent: 'sam', cnf: helper.cnf })
    await expect(named).rejects.toThrow(TypeError)
  })

  it('do not turn into agents of their own, nor agents into sub-agents', async () => {
    const { ap } = setting.town
    await helperToken()
    await expect(ap.mintAgentToken({ name: 'sam+brother', cnf: helper.cnf })).rejects.toThrow(
      'aauth:sam+brother@ap.example is a sub-agent of sam',
    )
    await ap.mintAgentToken({ name: 'sam+twin', cnf: helper.cnf })
    await expect(ap.mintAgentToken({ name: 'twin', parent: 'sam', cnf: helper.cnf })).rejects.toThrow(
      'aauth:sam+twin@ap.example is no sub-agent',
    )
  })
})

describe('sub-agents at a person server (10.2.2)', () => {
  it('get tokens for their own key, through their parent', async () => {
    const subAgentToken = await helperToken()
    const granted = await ask(endpoint, { ...(await papers(subAgentToken)), subagent_token: subAgentToken })
    expect(granted['status']).toBe(200)
    const { cnf, sub } = decodeJwt(granted['auth_token'] as string)
    expect(cnf).toEqual({ jwk: helper.cnf })
    expect(sub).toBe(setting.town.ps.issued[0]?.sub)
    expect(asked).toMatchObject([
      { kind: 'introduction', agent: 'aauth:sam@ap.example', subAgent: 'aauth:sam+brother@ap.example' },
      { kind: 'authorization', agent: 'aauth:sam@ap.example', subAgent: 'aauth:sam+brother@ap.example' },
    ])
    const { iss, jti } = decodeJwt(granted['auth_token'] as string) as { iss: string; jti: string }
    expect(setting.town.chainOf({ iss, jti })).toMatchObject([
      { agent: 'aauth:sam+brother@ap.example', parent: 'aauth:sam@ap.example', person: 'mom' },
    ])
    const bought = await sam.request(
      { method: 'POST', url: bread },
      { token: granted['auth_token'] as string, key: helper },
    )
    expect(bought.status).toBe(200)
  })

  it('are refused when they ask themselves, at both endpoints, with or without a token of their own', async () => {
    const subAgentToken = await helperToken()
    const more = await papers(subAgentToken)
    for (const body of [{ resource }, { resource, subagent_token: subAgentToken }])
      expect(await ask(person, body, subAgentToken)).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await ask(endpoint, more, subAgentToken)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('get nothing on papers for another key than theirs', async () => {
    const subAgentToken = await helperToken()
    expect(await ask(endpoint, await papers(subAgentToken))).toMatchObject({
      error: 'invalid_resource_token',
    })
  })

  const refused: [string, string, MintOverrides][] = [
    ['no parent', 'invalid_subagent_token', { claims: { parent_agent: undefined } }],
    ['another parent', 'invalid_subagent_token', { claims: { parent_agent: 'aauth:paul@ap.example' } }],
    [
      'a parent that is written otherwise',
      'invalid_subagent_token',
      { claims: { parent_agent: 'aauth:Sam@ap.example' } },
    ],
    ['itself for a parent', 'invalid_subagent_token', { claims: { sub: 'aauth:sam@ap.example' } }],
    ['another domain', 'invalid_subagent_token', { claims: { sub: 'aauth:sam+brother@other.example' } }],
    ['another typ', 'invalid_subagent_token', { header: { typ: 'aa-person+jwt' } }],
    ['a stranger’s signature', 'invalid_subagent_token', { key: createKey('Ed25519', 'ap-1') }],
    ['no key', 'invalid_subagent_token', { claims: { cnf: undefined } }],
    ['half a key', 'invalid_subagent_token', { claims: { cnf: { jwk: { kty: 'OKP', alg: 'Ed25519' } } } }],
    ['an exp that has passed', 'expired_subagent_token', { claims: { exp: 1 } }],
  ]
  it.each(refused)('are refused with %s: %s', async (_, error, overrides) => {
    const subAgentToken = await helperToken(overrides)
    expect(await ask(person, { resource, subagent_token: subAgentToken })).toMatchObject({
      status: 400,
      error,
    })
  })

  it('are not named by their local part: a plus means nothing (R-027)', async () => {
    const token = await helperToken({ claims: { sub: 'aauth:somebody@ap.example' } })
    expect(await ask(person, { resource, subagent_token: token })).toMatchObject({ status: 200 })
  })

  it('have no parent at another agent provider', async () => {
    const other = await setting.town.openAgentProvider('https://other.example')
    await other.mintAgentToken({ name: 'sam', cnf: sam.key.cnf })
    const token = await other.mintAgentToken(
      { name: 'brother', parent: 'sam', cnf: helper.cnf },
      { claims: { parent_agent: sam.identifier } },
    )
    expect(await ask(person, { resource, subagent_token: token })).toMatchObject({
      error: 'invalid_subagent_token',
    })
  })

  it.each(['their own', 'their parent’s'])('lose their tokens with %s agent token', async (whose) => {
    const { ap, ps } = setting.town
    const own = await helperToken()
    await ask(person, { resource, subagent_token: own })
    const issued = ps.issued.at(-1)
    const { jti, exp } = decodeJwt(whose === 'their own' ? own : (await sam.agentToken()).jwt) as {
      jti: string
      exp: number
    }
    await ap.revoke(jti, exp, ps.id)
    expect(ps.server.isRevoked(issued?.iss, issued?.jti)).toBe(true)
  })

  it('are refused with a token that was revoked', async () => {
    const { ap, ps } = setting.town
    const subAgentToken = await helperToken()
    const { jti, exp } = decodeJwt(subAgentToken) as { jti: string; exp: number }
    await ap.revoke(jti, exp, ps.id)
    expect(await ask(person, { resource, subagent_token: subAgentToken })).toMatchObject({
      error: 'revoked_subagent_token',
    })
  })

  it('hold nothing that outlives their agent token', async () => {
    const exp = Math.floor(setting.town.clock() / 1000) + 100
    await ask(person, { resource, subagent_token: await helperToken({ claims: { exp } }) })
    expect(setting.town.ps.issued.at(-1)?.exp).toBe(exp)
  })

  it('are shown to an access server, which checks for itself', async () => {
    const requests: AccessRequest[] = []
    const office = await setting.town.openAccessServer(
      'https://office.example',
      (request) => requests.push(request) > 0,
    )
    setting.shop.accessServer = office.id
    const subAgentToken = await helperToken()
    const more = await papers(subAgentToken)
    const granted = await ask(endpoint, { ...more, subagent_token: subAgentToken })
    expect(decodeJwt(granted['auth_token'] as string)).toMatchObject({
      iss: office.id,
      cnf: { jwk: helper.cnf },
    })
    expect(requests).toMatchObject([
      { agent: 'aauth:sam@ap.example', subAgent: 'aauth:sam+brother@ap.example', intermediary: undefined },
    ])
    const asking = { ...more, agent_token: (await sam.agentToken()).jwt }
    const strange = await helperToken({ claims: { parent_agent: 'aauth:paul@ap.example' } })
    for (const [subagent_token, error] of [
      [strange, 'invalid_subagent_token'],
      [undefined, 'invalid_resource_token'],
      [1, 'invalid_request'],
    ]) {
      const response = await setting.town.ps.server.post('https://office.example/token', {
        ...asking,
        subagent_token,
      })
      expect(await response.json()).toMatchObject({ error })
    }
  })
})

describe('a sub-agent that fetches', () => {
  const post = { method: 'POST' }

  it('is served on what its parent obtains for it, and never asks itself', async () => {
    const brother = sam.subAgent('brother')
    expect((await brother.fetch(bread, post)).status).toBe(200)
    expect((await brother.fetch(bread, post)).status).toBe(200)
    const { ledger, ps } = setting.town
    const asking = ledger.filter(({ url }) => url === person || url === endpoint)
    expect(asking.map(({ from, url }) => [from, url])).toEqual([
      ['sam', person],
      ['sam', endpoint],
    ])
    expect(ledger.filter(({ url }) => url === bread).map(({ from }) => from)).not.toContain('sam')
    expect(ps.issued.map(({ agent, parent }) => [agent, parent])).toEqual([
      ['aauth:sam+brother@ap.example', sam.identifier],
      ['aauth:sam+brother@ap.example', sam.identifier],
    ])
    expect(brother.wallet.authTokens.size).toBe(1)
    expect(sam.wallet.authTokens.size).toBe(0)
  })

  it('waits with its parent for the person', async () => {
    const visits: string[] = []
    const { town } = setting
    const mom = town.person('mom', { consent: () => ({ decision: true, after: 'visit' }) })
    const onInteraction = async ({ link }: { link: string }) =>
      void visits.push((await town.fetch(link)).statusText)
    const parent = town.agent('tom', { person: mom, onInteraction })
    await parent.agentToken()
    expect((await parent.subAgent('brother').fetch(bread, post)).status).toBe(200)
    expect(visits).toHaveLength(1)
  })

  it('says why its parent was refused', async () => {
    const { town } = setting
    const parent = town.agent('tom', { person: town.person('mom', { consent: () => false }) })
    const reason = await reasonOf(parent.subAgent('brother').fetch(bread, post))
    expect([reason.code, reason.status]).toEqual(['denied', 403])
  })

  it('uses no token that its parent brings for another key', async () => {
    const { ps } = setting.town
    const mint = ps.mintPersonToken.bind(ps)
    ps.mintPersonToken = (request) => mint({ ...request, cnf: sam.key.cnf })
    expect((await reasonOf(sam.subAgent('brother').fetch(bread, post))).code).toBe('bad_person_token')
  })

  it('keeps its parent when that takes a new key', async () => {
    const brother = sam.subAgent('brother')
    sam.rotateKey()
    expect((await brother.fetch(bread, post)).status).toBe(200)
  })

  it('has no sub-agent of its own', async () => {
    const brother = sam.subAgent('brother')
    await brother.agentToken()
    const reason = await reasonOf(brother.subAgent('friend').fetch(bread, post))
    expect([reason.code, String(reason.cause)]).toEqual([
      'bad_agent_token',
      'TypeError: sam+brother is a sub-agent and has none of its own',
    ])
  })
})

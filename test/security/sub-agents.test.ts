import {
  type AAuthEvent,
  allow,
  approval,
  type DenialSubject,
  deny,
  type PendingView,
} from '@countersign/core'
import { createKey, type MintOverrides, readRequirement } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'

const parentAgent = 'aauth:sam@ap.example'
const agent = 'aauth:sam+brother@ap.example'

describe.each(adapters)('sub-agents [adapter %s]', (adapter) => {
  let stage: Stage
  let events: AAuthEvent[]
  let asked: PendingView[]
  let ran: number
  const table: readonly TargetRoute[] = [
    { method: 'GET', path: '/who', requirement: 'agent', answer: ({ caller }) => caller },
    { method: 'GET', path: '/me', requirement: 'person', answer: ({ caller }) => caller },
    { method: 'GET', path: '/data', requirement: { scope: 'data.read' }, answer: ({ caller }) => caller },
    { method: 'GET', path: '/session', requirement: { session: true }, answer: ({ caller }) => caller },
    {
      method: 'POST',
      path: '/approved',
      requirement: {
        identity: 'agent',
        policy: () => approval({ ask: (pending: PendingView) => void asked.push(pending) }),
      },
      answer: () => ({ ran: ++ran }),
    },
    {
      method: 'GET',
      path: '/family',
      requirement: {
        identity: 'agent',
        policy: ({ caller }) => (caller.parentAgent === parentAgent ? allow() : deny('not_family')),
      },
      answer: ({ caller }) => caller,
    },
  ]
  const key = createKey()
  beforeEach(async () => {
    events = []
    asked = []
    ran = 0
    stage = await openStage(adapter, { onEvent: (event) => void events.push(event) }, table)
    await stage.sam.agentToken()
  })
  afterEach(() => stage.close())

  /** The agent token of a sub-agent of sam. */
  const helper = (overrides: MintOverrides = {}, name = 'brother'): Promise<string> =>
    stage.town.ap.mintAgentToken({ name, parent: 'sam', cnf: key.cnf }, overrides)
  const send = (token: string, path: string, method = 'GET'): Promise<Response> =>
    stage.sam.request({ method, url: path.startsWith('/') ? `${resource}${path}` : path }, { token, key })
  const who = async (token: string, path = '/who'): Promise<unknown> => (await send(token, path)).json()
  const status = async (token: string, path = '/who'): Promise<number> => (await send(token, path)).status
  const sams = async (path = '/who'): Promise<number> =>
    (await stage.sam.request({ url: `${resource}${path}` })).status
  const stop = (subject: DenialSubject): Promise<unknown> => stage.aauth.denials.add({ subject })
  const idOf = (pending: string): string => pending.slice(pending.lastIndexOf('/') + 1)

  describe('are known by parent_agent (R-325)', () => {
    it('to handlers and in events, with their parent beside them', async () => {
      expect(await who(await helper())).toMatchObject({ kind: 'agent', agent, parentAgent })
      expect(events.filter(({ name }) => name === 'served')).toEqual([
        {
          at: expect.any(Number),
          id: expect.any(String),
          name: 'served',
          caller: 'agent',
          agent,
          parentAgent,
        },
      ])
      events.length = 0
      expect(await sams()).toBe(200)
      expect(events.filter(({ name }) => name === 'served')).toEqual([
        {
          at: expect.any(Number),
          id: expect.any(String),
          name: 'served',
          caller: 'agent',
          agent: parentAgent,
        },
      ])
    })

    it('and by nothing else: a plus in a name means nothing (R-027)', async () => {
      const plus = await stage.town.ap.mintAgentToken({ name: 'sam+twin', cnf: key.cnf })
      expect(await who(plus)).not.toHaveProperty('parentAgent')
      const plain = await helper({ claims: { sub: 'aauth:brother@ap.example' } })
      expect(await who(plain)).toMatchObject({ agent: 'aauth:brother@ap.example', parentAgent })
    })

    it('however deep they are: that is for others to judge (R-328)', async () => {
      const deep = await helper({
        claims: { sub: 'aauth:sam+brother+friend@ap.example', parent_agent: agent },
      })
      expect(await who(deep)).toMatchObject({ parentAgent: agent })
    })

    it.each(['aauth:sam@other.example', 'aauth:sam@sub.ap.example', 'aauth:sam@example'])(
      'but not as another provider’s agent’s: %s (G-03)',
      async (named) => {
        const liar = await helper({ claims: { parent_agent: named } })
        const caller = await who(liar)
        expect(caller).toMatchObject({ agent })
        expect(caller).not.toHaveProperty('parentAgent')
      },
    )

    it('to policies', async () => {
      expect(await status(await helper(), '/family')).toBe(200)
      expect(await sams('/family')).toBe(403)
      // Another provider says that its agent is sam's helper.
      const evil = await stage.town.openAgentProvider('https://evil.example')
      const liar = await evil.mintAgentToken(
        { name: 'brother', cnf: key.cnf },
        { claims: { parent_agent: parentAgent } },
      )
      expect(await status(liar, '/family')).toBe(403)
      expect(await status(liar)).toBe(200)
    })

    it('to those who approve', async () => {
      expect((await send(await helper(), '/approved', 'POST')).status).toBe(202)
      expect(asked[0]?.caller).toMatchObject({ agent, parentAgent })
    })
  })

  describe('are denied', () => {
    it('with their parent', async () => {
      const tokens = [await helper(), await helper({}, 'sister')]
      for (const token of tokens) expect(await status(token)).toBe(200)
      await stop({ agent: parentAgent })
      for (const token of tokens) {
        const refused = await send(token, '/who')
        expect([refused.status, await errorOf(refused)]).toEqual([403, 'access_denied'])
      }
      expect(await sams()).toBe(403)
    })

    it('alone', async () => {
      const [brother, sister] = [await helper(), await helper({}, 'sister')]
      await stop({ agent })
      expect([await status(brother), await status(sister), await sams()]).toEqual([403, 200, 200])
    })

    it('not with a neighbour whose name begins like theirs', async () => {
      await stop({ agent: 'aauth:sa@ap.example' })
      await stop({ agent: 'aauth:brother@ap.example' })
      expect(await status(await helper())).toBe(200)
    })

    it.each([
      ['their parent', parentAgent],
      ['them alone', agent],
    ])('in what they have begun, when the denial is of %s', async (_, denied) => {
      const token = await helper()
      const pending = locationOf(await send(token, '/approved', 'POST'))
      await stage.aauth.pending.approve((asked[0] as PendingView).id)
      const connecting = locationOf(await send(token, '/session'))
      await stage.aauth.pending.approve(idOf(connecting), { user: 'mom' })
      const session = (await send(token, connecting)).headers.get('aauth-access')
      const use = async (): Promise<number> => {
        const headers = { Authorization: `AAuth ${session}` }
        return (await stage.sam.request({ url: `${resource}/session`, headers }, { token, key })).status
      }
      expect(await use()).toBe(200)
      await stop({ agent: denied })
      expect((await send(token, pending)).status).toBe(403)
      expect(ran).toBe(0)
      expect(await use()).toBe(403)
    })
  })

  describe('that act for a person', () => {
    const json = { 'Content-Type': 'application/json' }
    /** Sam asks his person server for his helper. */
    const ask = async (endpoint: string, body: object): Promise<string> => {
      const subAgent = { subagent_token: await helper() }
      const response = await stage.sam.request({
        method: 'POST',
        url: `${stage.town.ps.id}${endpoint}`,
        headers: json,
        body: JSON.stringify({ ...body, ...subAgent }),
      })
      const answer = (await response.json()) as { person_token?: string; auth_token?: string }
      return answer.person_token ?? answer.auth_token ?? ''
    }
    /** What sam obtains for his helper: a person token, the challenge it meets, and the auth token for it. */
    const obtain = async () => {
      const personToken = await ask('/person', { resource })
      const challenge = await send(personToken, '/data')
      const resourceToken = readRequirement(challenge)?.parameters['resource-token'] ?? ''
      const papers = { resource_token: resourceToken, presented_token: personToken }
      return { personToken, resourceToken, authToken: await ask('/token', papers) }
    }

    it('look like any other agent in what they present, and share the person with their parent (R-326)', async () => {
      const { personToken, authToken } = await obtain()
      const parents = await stage.grant('data.read')
      for (const [token, path] of [
        [personToken, '/me'],
        [authToken, '/data'],
      ] as const) {
        const caller = (await who(token, path)) as Record<string, unknown>
        expect(caller['person']).toEqual({ ps: stage.town.ps.id, sub: decodeJwt(parents).sub })
        expect(caller['jkt']).toBe(key.jkt)
        expect(JSON.stringify(caller)).not.toContain('aauth:')
        expect(caller).not.toHaveProperty('parentAgent')
      }
    })

    it('are who the resource token is for, though their parent redeems it (R-327)', async () => {
      const { resourceToken, authToken } = await obtain()
      expect(decodeJwt(resourceToken)['agent_jkt']).toBe(key.jkt)
      expect(await status(authToken, '/data')).toBe(200)
      const parents = await stage.sam.request({ url: `${resource}/data` }, { token: authToken })
      expect(parents.status).toBe(401)
      expect(parents.headers.get('signature-error')).toMatch(/^error=invalid_signature/)
    })

    it('are reached by a denial of their key or person, and not of their name or parent', async () => {
      const { authToken } = await obtain()
      await stop({ agent })
      await stop({ agent: parentAgent })
      expect(await status(authToken, '/data')).toBe(200)
      await stop({ key: key.jkt })
      expect(await status(authToken, '/data')).toBe(403)
    })
  })
})

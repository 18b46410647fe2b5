import { inspect } from 'node:util'
import { createMemoryStore, OnwardError } from '@countersign/core'
import { createKey, mintJwt } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { coreAdapters, resource } from '../target/start.js'
import { openStage, type Stage, type StageOptions, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A request that the shop has sent, to suppliers or person servers. */
interface Sent {
  readonly url: string
  readonly presented: string
  readonly body: string
}

type Tamper = (url: string, response: Response) => Response | Promise<Response>

const ps = { person: 'https://ps.example/person', token: 'https://ps.example/token' }
const orders = `${supplier}/orders`

const json = (status: number, body: object) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })

describe.each(coreAdapters)('whoever the shop calls lies or fails [adapter %s]', (adapter) => {
  let stage: Stage
  let token: string
  let sent: Sent[]
  afterEach(() => stage.close())

  const open = async (tamper: Tamper = (_, response) => response, options: StageOptions = {}) => {
    sent = []
    let through: typeof fetch = fetch
    const watched: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      const presented = request.headers.get('signature-key') ?? ''
      sent.push({ url: request.url, presented, body: await request.clone().text() })
      return tamper(request.url, await through(request))
    }
    stage = await openStage(adapter, {
      ...options,
      shop: { ...options.shop, onward: { fetch: watched, ...options.shop?.onward } },
    })
    through = stage.town.fetchAs('shop')
    token = await stage.grant()
  }
  const count = (url: string) => sent.filter((one) => one.url === url).length
  const answer = async (response: Response) => {
    const body = (await response.json()) as { error?: string }
    return [response.status, body.error]
  }

  it('sends what the caller presented to the person server that it names, in the content, and nowhere else (R-307, R-310, R-312, N-184)', async () => {
    await open()
    expect((await stage.order(token)).status).toBe(200)
    const withToken = sent.filter((one) => one.body.includes(token))
    expect(withToken.map(({ url }) => url)).toEqual([ps.person, ps.token])
    expect(sent.some(({ presented }) => presented.includes(token))).toBe(false)
    for (const { body } of withToken) expect(JSON.parse(body)).toMatchObject({ upstream_token: token })
    expect(JSON.parse(withToken[0]?.body as string)).toEqual({
      resource: supplier,
      upstream_token: token,
      capabilities: ['interaction'],
    })
    const own = decodeJwt(/jwt="([^"]+)"/.exec(sent[0]?.presented as string)?.[1] as string)
    expect(own).toMatchObject({ iss: resource, dwk: 'aauth-agent.json', sub: 'aauth:onward@rs.example' })
    expect(own).not.toHaveProperty('ps')
    expect(JSON.stringify(stage.events)).not.toContain(token)
  })

  it('serves many calls on one token, and asks anew on another (R-314)', async () => {
    await open()
    for (let i = 0; i < 3; i++) expect((await stage.order(token)).status).toBe(200)
    expect(sent.map(({ url }) => url)).toEqual([ps.person, orders, ps.token, orders, orders, orders])
    expect((await stage.order(await stage.grant())).status).toBe(200)
    expect(count(ps.person)).toBe(2)
    expect(count(ps.token)).toBe(2)
  })

  const spoilt: [string, Readonly<Record<string, unknown>>][] = [
    ['agent_jkt', { agent_jkt: createKey().jkt }],
    ['iss', { iss: 'https://other.example' }],
    ['sub', { sub: 'somebody' }],
    ['presented_jti', { presented_jti: 'another' }],
    ['ps', { ps: 'https://other.example' }],
    ['exp', { exp: 1 }],
  ]
  it.each(spoilt)(
    'takes no resource token with another %s to the person server (N-178, R-319)',
    async (_, claims) => {
      const key = createKey('Ed25519', 's-1')
      await open(
        async (url, response) => {
          if (url !== orders || response.status !== 401) return response
          const field = response.headers.get('aauth-requirement') as string
          const honest = decodeJwt(/resource-token="([^"]+)"/.exec(field)?.[1] as string)
          const lie = await mintJwt(key, 'aa-resource+jwt', { ...honest, ...claims })
          const headers = { 'AAuth-Requirement': `requirement=auth-token;resource-token="${lie}"` }
          return new Response(null, { status: 401, headers })
        },
        { supplier: { signingKeys: [key.privateJwk] } },
      )
      expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
      expect(count(ps.token)).toBe(0)
      expect(stage.orders).toEqual([])
    },
  )

  it.each(['aud', 'cnf', 'sub', 'exp'])(
    'uses no auth token with another %s (N-179, R-320)',
    async (claim) => {
      await open(async (url, response) => {
        if (url !== ps.token) return response
        const { auth_token: honest } = (await response.json()) as { auth_token: string }
        const claims = decodeJwt(honest)
        const exp = decodeJwt(token).exp as number
        const lies = {
          aud: 'https://other.example',
          cnf: { jwk: createKey().cnf },
          sub: 'somebody',
          exp: exp + 1,
        }
        const { person_token: _, ...about } = { person_token: 0, ...claims }
        const lie = await stage.town.ps.mintAuthToken(
          { person: stage.mom, resource: supplier, cnf: stage.sam.key.cnf, scope: 'data.write' },
          { claims: { ...about, [claim]: lies[claim as keyof typeof lies] } },
        )
        return json(200, { auth_token: lie, expires_in: 60 })
      })
      expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
      expect(count(orders)).toBe(1)
      expect(stage.orders).toEqual([])
    },
  )

  it.each(['aud', 'cnf', 'iss', 'exp'])('shows no person token with another %s to anybody', async (claim) => {
    await open(async (url, response) => {
      if (url !== ps.person) return response
      const { person_token: honest } = (await response.json()) as { person_token: string }
      const exp = decodeJwt(token).exp as number
      const lies = {
        aud: resource,
        cnf: { jwk: createKey().cnf },
        iss: 'https://other.example',
        exp: exp + 1,
      }
      const lie = await mintJwt(createKey(), 'aa-person+jwt', {
        ...decodeJwt(honest),
        [claim]: lies[claim as keyof typeof lies],
      })
      return json(200, { person_token: lie, expires_in: 60 })
    })
    expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
    expect(count(orders)).toBe(0)
  })

  it('shows no person token that somebody else has signed, or that grants something', async () => {
    for (const more of [{}, { scope: 'data.write' }, { account: 'a' }]) {
      await open(async (url, response) => {
        if (url !== ps.person) return response
        const { person_token: honest } = (await response.json()) as { person_token: string }
        const about = { person: stage.mom, resource: supplier, cnf: stage.sam.key.cnf }
        const { iat: _, ...claims } = decodeJwt(honest)
        const lie =
          Object.keys(more).length === 0
            ? await mintJwt(createKey('Ed25519', 'ps-1'), 'aa-person+jwt', decodeJwt(honest))
            : await stage.town.ps.mintPersonToken(about, { claims: { ...claims, ...more } })
        return json(200, { person_token: lie, expires_in: 60 })
      })
      expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
      expect(count(orders)).toBe(0)
      await stage.close()
    }
    await open()
  })

  it('answers for a supplier whose answer breaks off', async () => {
    await open((url, response) => {
      if (url !== orders || response.status !== 201) return response
      const broken = new ReadableStream({
        pull(controller) {
          controller.error(new Error('the connection was reset'))
        },
      })
      return new Response(broken, { status: 201 })
    })
    expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
  })

  const refusals: [number, string, number, string][] = [
    [400, 'invalid_upstream_token', 502, 'invalid_upstream_token'],
    [400, 'revoked_upstream_token', 403, 'revoked'],
    [400, 'expired_upstream_token', 408, 'expired'],
    [502, 'as_unreachable', 502, 'as_unreachable'],
    [403, 'denied', 403, 'denied'],
    [403, 'mission_terminated', 403, 'denied'],
    [403, 'user_unreachable', 403, 'interaction_required'],
    [400, 'invalid_request', 502, 'supplier_failed'],
    [500, 'server_error', 502, 'supplier_failed'],
    [503, 'overloaded', 503, 'supplier_unavailable'],
    [429, 'slow_down', 503, 'supplier_unavailable'],
  ]
  it.each(refusals)(
    'asks once where the person server answers %i %s, and answers %i %s (N-183, R-321)',
    async (status, error, ours, code) => {
      for (const endpoint of [ps.person, ps.token]) {
        await open((url, response) => (url === endpoint ? json(status, { error, status }) : response))
        const refused = await stage.order(token)
        expect(refused.headers.has('retry-after')).toBe(ours === 503)
        expect(await answer(refused)).toEqual([ours, code])
        expect(count(endpoint)).toBe(1)
        expect(stage.orders).toEqual([])
        await stage.close()
      }
      await open()
    },
  )

  it.each([403, 404, 409, 422, 500, 503])(
    'hands on that the supplier refuses, %i, and nothing it says',
    async (status) => {
      await open((url, response) =>
        url === orders && response.status === 201 ? json(status, { secret: 1 }) : response,
      )
      const refused = await stage.order(token)
      expect([refused.status, await refused.json()]).toEqual([
        502,
        expect.objectContaining({ error: 'supplier_refused', supplier: { status } }),
      ])
    },
  )

  it('says that it can be tried again where nobody answers', async () => {
    await open()
    stage.town.route('supplier.example', 1)
    const noSupplier = await stage.order(token)
    expect([noSupplier.headers.get('retry-after'), ...(await answer(noSupplier))]).toEqual([
      '5',
      503,
      'supplier_unavailable',
    ])
    stage.town.route('ps.example', 1)
    expect(await answer(await stage.order(await stage.grant()))).toEqual([503, 'supplier_unavailable'])
  })

  const endless: [string, (url: string) => Response | undefined][] = [
    [
      'circular challenges',
      () => new Response(null, { status: 401, headers: { 'AAuth-Requirement': 'requirement=person-token' } }),
    ],
    [
      'agent tokens',
      () => new Response(null, { status: 401, headers: { 'AAuth-Requirement': 'requirement=agent-token' } }),
    ],
    [
      'something unknown',
      () => new Response(null, { status: 401, headers: { 'AAuth-Requirement': 'requirement=blood' } }),
    ],
    [
      'a wait without a pending URL',
      () => new Response(null, { status: 202, headers: { 'AAuth-Requirement': 'requirement=approval' } }),
    ],
    [
      'a wait at somebody else’s',
      () =>
        new Response(null, {
          status: 202,
          headers: { 'AAuth-Requirement': 'requirement=approval', Location: 'https://other.example/p' },
        }),
    ],
    [
      'a page that is none',
      () =>
        new Response(null, {
          status: 202,
          headers: {
            'AAuth-Requirement': 'requirement=interaction;url="javascript:alert(1)";code="A"',
            Location: `${supplier}/p`,
          },
        }),
    ],
  ]
  it.each(endless)('ends where the supplier answers with %s', async (_, answering) => {
    await open((url, response) => (url === orders ? (answering(url) ?? response) : response))
    expect(await answer(await stage.order(token))).toEqual([502, 'supplier_failed'])
    expect(sent.length).toBeLessThan(8)
  })

  it('makes no authority of a person token that it has answered with a challenge (N-180, R-309)', async () => {
    await open()
    const person = await stage.town.ps.mintPersonToken({
      person: stage.mom,
      resource,
      cnf: stage.sam.key.cnf,
    })
    const challenged = await stage.order(person)
    expect(challenged.headers.get('aauth-requirement')).toMatch(/^requirement=auth-token/)
    expect(sent).toEqual([])
  })

  describe('with a handler of its own', () => {
    let failure: unknown
    const table = (
      requirement: TargetRoute['requirement'],
      before: () => unknown = () => undefined,
    ): readonly TargetRoute[] => [
      {
        method: 'POST',
        path: '/order',
        requirement,
        async answer({ onward, body }) {
          await before()
          try {
            const response = await onward()(orders, { method: 'POST', body: new Uint8Array(body) })
            return { status: response.status }
          } catch (error) {
            failure = error
            throw error
          }
        },
      },
    ]

    it('has none of a request that is only let through, because the route only observes (N-180)', async () => {
      await open(undefined, { table: table({ scope: 'data.write', onward: true, observe: true }) })
      const person = await stage.town.ps.mintPersonToken({
        person: stage.mom,
        resource,
        cnf: stage.sam.key.cnf,
      })
      expect((await stage.order(person)).status).toBe(500)
      expect(failure ?? new TypeError()).toBeInstanceOf(TypeError)
      expect(sent).toEqual([])
    })

    it('has that of a request that would have been served as well, where the route only observes', async () => {
      await open(undefined, { table: table({ scope: 'data.write', onward: true, observe: true }) })
      expect((await stage.order(token)).status).toBe(200)
      expect(stage.orders).toHaveLength(1)
    })

    it('asks whoever has not signed for a person token', async () => {
      await open(undefined, { table: table({ identity: 'any', onward: true, optional: true }) })
      const response = await stage.town.fetchAs('stranger')(`${resource}/order`, { method: 'POST' })
      expect([response.status, response.headers.get('aauth-requirement')]).toEqual([
        401,
        'requirement=person-token',
      ])
      expect(response.headers.get('accept-signature-scheme')).toBe('jwt')
      expect(sent).toEqual([])
    })

    it('asks the agent for a person token where it knows nobody', async () => {
      await open(undefined, { table: table({ identity: 'any', onward: true }) })
      const response = await stage.order((await stage.sam.agentToken()).jwt)
      expect([response.status, response.headers.get('aauth-requirement')]).toEqual([
        401,
        'requirement=person-token',
      ])
      expect(sent).toEqual([])
      const person = await stage.town.ps.mintPersonToken({
        person: stage.mom,
        resource,
        cnf: stage.sam.key.cnf,
      })
      expect((await stage.order(person)).status).toBe(200)
    })

    it('calls nobody on a route that has not said so', async () => {
      await open(undefined, { table: table({ scope: 'data.write' }) })
      expect((await stage.order(token)).status).toBe(500)
      expect(sent).toEqual([])
    })

    const stops: [string, number, string, () => Promise<unknown>][] = [
      [
        'revoked',
        403,
        'revoked',
        async () => {
          const { iss, jti, exp } = decodeJwt(token) as { iss: string; jti: string; exp: number }
          return stage.shop.revocations.record({ iss, jti, exp })
        },
      ],
      [
        'denied here',
        403,
        'access_denied',
        () =>
          stage.shop.denials.add({
            subject: { person: { ps: 'https://ps.example', sub: decodeJwt(token).sub as string } },
            by: 'test',
          }),
      ],
      ['ended', 408, 'expired', async () => stage.pass(3601)],
    ]
    it.each(stops)(
      'uses nothing of a token that is %s, remembered or not (R-324, R-315)',
      async (_, status, code, stop) => {
        let before: () => unknown = () => undefined
        await open(undefined, { table: table({ scope: 'data.write', onward: true }, () => before()) })
        expect((await stage.order(token)).status).toBe(200)
        sent.length = 0
        before = stop
        expect(await answer(await stage.order(token))).toEqual([status, code])
        expect(sent).toEqual([])
      },
    )

    it('says nothing of tokens in an error', async () => {
      await open(
        (url, response) =>
          url === ps.token ? json(400, { error: 'invalid_upstream_token', detail: token }) : response,
        {
          table: table({ scope: 'data.write', onward: true }),
        },
      )
      await stage.order(token)
      expect(failure).toBeInstanceOf(OnwardError)
      const shown = inspect(failure, { depth: 9, showHidden: true }) + JSON.stringify(stage.events)
      expect(shown).not.toContain(token)
      expect(shown).not.toMatch(/eyJ/)
    })

    it.each([
      'http://supplier.example/orders',
      'https://supplier.example:8443/',
      'https://127.0.0.1/',
      'https://rs.example/data',
    ])('calls nobody at %s', async (url) => {
      const route = { ...(table({ scope: 'data.write', onward: true })[0] as TargetRoute) }
      await open(undefined, {
        table: [{ ...route, answer: async ({ onward }) => ({ s: (await onward()(url)).status }) }],
      })
      expect((await stage.order(token)).status).toBe(500)
      expect(sent).toEqual([])
    })

    it('calls only the suppliers of the option', async () => {
      const shop = { onward: { suppliers: ['https://other.example'] } }
      await open(undefined, { shop, table: table({ scope: 'data.write', onward: true }) })
      expect((await stage.order(token)).status).toBe(500)
      expect(failure).toBeInstanceOf(TypeError)
      expect(sent).toEqual([])
    })
  })

  it('keeps nothing readable of a token in the store while the call waits', async () => {
    const store = createMemoryStore({})
    const put: string[] = []
    const watched = {
      get: (key: string) => store.get(key),
      put: (key: string, value: string, ttl: number) => {
        put.push(value)
        return store.put(key, value, ttl)
      },
      claim: (key: string, value: string, ttl: number) => {
        put.push(value)
        return store.claim(key, value, ttl)
      },
      delete: (key: string) => store.delete(key),
    }
    await open(undefined, {
      mom: { consent: () => ({ decision: true, after: 'visit' }) },
      shop: { store: watched },
    })
    expect((await stage.order(token)).status).toBe(202)
    expect(put.join('\n')).toContain('/order')
    expect(put.join('\n')).not.toContain(token)
    expect(put.join('\n')).not.toContain(token.split('.')[1])
  })
})

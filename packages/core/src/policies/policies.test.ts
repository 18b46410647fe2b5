import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyInput } from '../access/policy.js'
import type { Caller } from '../caller.js'
import { authZenPolicy } from './authzen.js'
import { cedarPolicy } from './cedar.js'
import { type CerbosClient, cerbosPolicy } from './cerbos.js'
import { readObligations, verdictOf } from './obligations.js'
import { questionOf } from './question.js'

const now = 1_800_000_000
const token = { iss: 'https://as.example', jti: 't', iat: now - 600, exp: now + 600 }
const grant: Caller = {
  kind: 'grant',
  jkt: 'key',
  token,
  person: { ps: 'https://ps.example', sub: 'mom' },
  scope: ['read'],
  tenant: 'school',
  mission: 'm',
  claims: {},
}
const agent: Caller = {
  kind: 'agent',
  jkt: 'key',
  token,
  agent: 'aauth:sam@ap.example',
  provider: 'https://ap.example',
}
const inputOf = (caller: Caller): PolicyInput => ({
  caller,
  now,
  approvedBy: ['boss'],
  signal: new AbortController().signal,
  request: {
    method: 'GET',
    path: '/notes/1',
    query: '',
    params: { id: '1', none: undefined },
    raw: {},
    route: '/notes/:id',
  },
})

describe('what an engine is asked', () => {
  it('says who calls, what is done, to what, and what else is known', async () => {
    expect(await questionOf(inputOf(grant), {})).toEqual({
      principal: {
        type: 'person',
        id: 'https://ps.example#mom',
        properties: { ps: 'https://ps.example', sub: 'mom', tenant: 'school' },
      },
      action: 'GET',
      resource: { type: 'route', id: '/notes/:id', properties: { path: '/notes/1', params: { id: '1' } } },
      context: {
        route: '/notes/:id',
        method: 'GET',
        path: '/notes/1',
        params: { id: '1' },
        now,
        approvedBy: ['boss'],
        scope: ['read'],
        tenant: 'school',
        mission: 'm',
      },
    })
  })

  it('names the agent where the token does, and the user whose session it is', async () => {
    const session: Caller = {
      kind: 'session',
      jkt: 'key',
      token,
      user: 'mom@shop',
      scope: ['read'],
      session: { id: 's', began: now },
      by: { ...agent, parentAgent: 'aauth:pat@ap.example' },
    }
    expect((await questionOf(inputOf(agent), {})).principal).toMatchObject({ type: 'agent', id: agent.agent })
    expect(await questionOf(inputOf(session), {})).toMatchObject({
      principal: { type: 'user', id: 'mom@shop' },
      context: { agent: agent.agent, parentAgent: 'aauth:pat@ap.example', scope: ['read'] },
    })
  })

  it('is what the application says instead', async () => {
    const account = { type: 'account', id: '7', properties: { plan: 'free' } }
    const asked = await questionOf(inputOf(grant), {
      principal: async () => account,
      action: () => 'read',
      resource: () => ({ type: 'note', id: '1', properties: {} }),
      context: () => ({ hour: 3, tenant: 'none' }),
    })
    expect(asked).toMatchObject({
      principal: account,
      action: 'read',
      resource: { type: 'note', id: '1' },
      context: { hour: 3, tenant: 'none', method: 'GET' },
    })
  })
})

describe('an option of the application’s that answers something else', () => {
  // In its place the engine would be asked about somebody or something else.
  it.each<[string, object, string]>([
    ['no principal', { principal: () => undefined }, 'option principal'],
    [
      'a principal without a name',
      { principal: async () => ({ type: 'account', properties: {} }) },
      'principal.id',
    ],
    ['no action', { action: () => undefined }, 'option action'],
    ['an empty action', { action: async () => '' }, 'option action'],
    ['no resource', { resource: () => null }, 'option resource'],
    ['a resource without properties', { resource: () => ({ type: 'note', id: '1' }) }, 'resource.properties'],
    ['no context', { context: async () => undefined }, 'option context'],
    ['a list of context', { context: () => ['x'] }, 'option context'],
    ['a text for context', { context: () => 'x' }, 'option context'],
  ])('is a fault: %s', async (_, options, says) => {
    await expect(questionOf(inputOf(grant), options)).rejects.toThrow(says)
  })

  it('may answer later', async () => {
    expect(await questionOf(inputOf(grant), { action: async () => 'read' })).toMatchObject({ action: 'read' })
  })
})

describe('obligations', () => {
  const ask = (): void => {}
  const at = (iat: number, scope: string[] = ['read']): Caller => ({
    ...grant,
    scope,
    token: { ...token, iat },
  })
  const verdict = (allowed: boolean, wanted: object[], caller: Caller = grant): unknown =>
    verdictOf({ caller, now }, allowed, wanted.map(readObligations), ask)

  it.each([
    ['a yes', true, [{}], { verdict: 'allow' }],
    ['a no', false, [{}], { verdict: 'deny' }],
    [
      'a yes to more scopes',
      true,
      [{ stepUp: { scope: 'write' } }],
      { verdict: 'step-up', scope: ['write'] },
    ],
    [
      'a no for want of scopes',
      false,
      [{ stepUp: { scope: ['write', 'read'] } }],
      { verdict: 'step-up', scope: ['write'] },
    ],
    ['a yes to a scope that is there', true, [{ stepUp: { scope: 'read' } }], { verdict: 'allow' }],
    ['a no that no scope would change', false, [{ stepUp: { scope: 'read' } }], { verdict: 'deny' }],
    ['a yes to a fresh grant', true, [{ stepUp: { fresh: true } }], { verdict: 'step-up', fresh: true }],
    ['a yes once approved', true, [{ approval: { subject: 'a' } }], { verdict: 'approval', subject: 'a' }],
    [
      'a yes once confirmed',
      true,
      [{ interact: { description: 'Delete' } }],
      { verdict: 'interact', description: 'Delete' },
    ],
    [
      'a step up before an approval',
      true,
      [{ approval: {} }, { stepUp: { scope: 'write' } }],
      { verdict: 'step-up' },
    ],
    ['the same approval twice', true, [{ approval: {} }, { approval: {} }], { verdict: 'approval' }],
    ['a no with an approval, which makes no yes of it', false, [{ approval: {} }], { verdict: 'deny' }],
    ['a no with an interaction', false, [{ interact: {} }], { verdict: 'deny' }],
  ])('%s', (_, allowed, wanted, expected) => {
    expect(verdict(allowed, wanted)).toMatchObject(expected)
  })

  it('ask nobody to freshen what is fresh, which makes no yes of a no', () => {
    const fresh = { stepUp: { fresh: true } }
    expect(verdict(true, [fresh, { approval: {} }], at(now - 60))).toMatchObject({ verdict: 'approval' })
    expect(verdict(false, [fresh], at(now - 60))).toMatchObject({ verdict: 'deny' })
    expect(verdict(false, [fresh], at(now - 61))).toMatchObject({ verdict: 'step-up' })
    expect(verdict(false, [fresh], agent)).toMatchObject({ verdict: 'deny' })
  })

  it.each([
    [
      'two approvals, of which one would count for both',
      [{ approval: { subject: 'a' } }, { approval: { subject: 'b' } }],
    ],
    ['an approval and an interaction', [{ approval: {}, interact: {} }]],
    ['a misspelt one', [{ aproval: {} }]],
    ['one in other letters', [{ step_up: { scope: 'write' } }]],
    ['a member that none has', [{ approval: { by: 'boss' } }]],
    ['a scope that is none', [{ stepUp: { scope: [7] } }]],
    ['something else than an object', [{ approval: 'yes' }]],
    ['a misspelt member of interact', [{ interact: { bye: 'mom' } }]],
    ['null in place of one', [{ approval: null }]],
    ['a step up to nothing', [{ stepUp: {} }]],
    ['a list of them further down', [{ obligations: [{ id: 'stepUp' }] }]],
    ['one further down', [{ Obligation: { stepUp: { fresh: true } } }]],
    ['a text further down', [{ obligations: 'stepUp' }]],
    ['a map', [new Map([['stepUp', { fresh: true }]])]],
    ['a promise', [Promise.resolve({ stepUp: { fresh: true } })]],
  ])('refuse %s', (_, wanted) => {
    expect(() => verdict(true, wanted)).toThrow(TypeError)
  })

  it('leave other members alone, whatever they are called', () => {
    const said: unknown = JSON.parse('{"reason_admin": {"en": "no"}, "constructor": 1, "id": "x"}')
    expect(readObligations(said)).toEqual({})
    expect(readObligations({ obligations: [], obligation: null })).toEqual({})
    expect(readObligations(runInNewContext('({ stepUp: { fresh: true } })'))).toEqual({
      stepUp: { fresh: true },
    })
    expect(() => readObligations([{}])).toThrow(TypeError)
    expect(() => readObligations('approval')).toThrow(TypeError)
    expect(() => verdictOf({ caller: grant, now }, true, [{ approval: {} }], undefined)).toThrow('option ask')
  })
})

describe('a policy decision point', () => {
  let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void
  let server: http.Server
  let url: string
  beforeAll(async () => {
    server = http.createServer((request, response) => answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/access/v1/evaluation`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  const says = (body: string, status = 200, headers = {}): void => {
    answer = (_, response) => void response.writeHead(status, headers).end(body)
  }
  const decide = async (
    more: { readonly signal?: AbortSignal; readonly timeout?: number } = {},
  ): Promise<unknown> => {
    const { signal, timeout = 5_000 } = more
    return authZenPolicy({ url, timeout })({ ...inputOf(grant), ...(signal && { signal }) })
  }

  it('is asked as AuthZEN says, with the headers that the application gives', async () => {
    const seen: unknown[] = []
    answer = (request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      request.on('end', () => {
        const { authorization, 'content-type': type } = request.headers
        seen.push(request.method, request.url, authorization, type, JSON.parse(text))
        response.end('{"decision": true}')
      })
    }
    const policy = authZenPolicy({ url, headers: () => ({ authorization: 'Bearer x' }) })
    expect(await policy(inputOf(grant))).toEqual({ verdict: 'allow' })
    expect(seen).toMatchObject([
      'POST',
      '/access/v1/evaluation',
      'Bearer x',
      'application/json',
      {
        subject: { type: 'person' },
        action: { name: 'GET' },
        resource: { id: '/notes/:id' },
        context: { now },
      },
    ])
  })

  it.each([
    ['a no', '{"decision": false}', 'deny'],
    ['a no with reasons', '{"decision": false, "context": {"reason_user": {"en": "no"}}}', 'deny'],
    ['a yes with an obligation', '{"decision": true, "context": {"stepUp": {"scope": "write"}}}', 'step-up'],
  ])('may answer with %s', async (_, body, verdict) => {
    says(body)
    expect(await decide()).toMatchObject({ verdict })
  })

  it.each([
    ['a decision in quotes', '{"decision": "true"}'],
    ['no decision', '{}'],
    ['two', '{"decision": false, "decision": true}'],
    ['a decision under another name', '{"Decision": true}'],
    ['a list', '[{"decision": true}]'],
    ['no JSON', 'true'],
    ['a context that is a list', '{"decision": true, "context": [1]}'],
    ['a misspelt obligation', '{"decision": true, "context": {"aproval": {}}}'],
    ['more than 64 KiB', `{"decision": true, "context": {"x": "${'x'.repeat(70_000)}"}}`],
    ['bytes that are no UTF-8', '{"decision": true, "context": {"x": "\xff"}}'],
  ])('lets nothing pass by %s', async (_, body) => {
    answer = (__, response) => void response.end(Buffer.from(body, 'latin1'))
    await expect(decide()).rejects.toThrow()
  })

  it.each([201, 302, 401, 500])('lets nothing pass with status %i', async (status) => {
    says('{"decision": true}', status, { location: '/elsewhere' })
    await expect(decide()).rejects.toThrow(`status ${status}`)
  })

  it('is no fault of the request where it does not answer: 503, for what it is asked 403, and for what it answers 500', async () => {
    const late = { refusal: { code: 'policy_unavailable', details: { retryAfter: 5 } } }
    for (const status of [429, 500, 503]) {
      says('{}', status)
      await expect(decide()).rejects.toMatchObject(late)
    }
    answer = () => {}
    await expect(decide({ timeout: 20 })).rejects.toMatchObject(late)
    answer = (request) => void request.socket.destroy()
    await expect(decide()).rejects.toMatchObject(late)
    for (const status of [400, 413, 422]) {
      says('{}', status)
      await expect(decide()).rejects.toMatchObject({ refusal: { code: 'access_denied' } })
    }
    says('{}', 401)
    await expect(decide()).rejects.not.toHaveProperty('refusal')
    says('{"decision": 1}')
    await expect(decide()).rejects.not.toHaveProperty('refusal')
  })

  it('is obeyed where the application says later what its obligations are', async () => {
    says('{"decision": true, "context": {"must": {"stepUp": {"fresh": true}}}}')
    const obligations = async ({ must }: Readonly<Record<string, unknown>>): Promise<unknown> => must
    expect(await authZenPolicy({ url, obligations })(inputOf(grant))).toMatchObject({ verdict: 'step-up' })
  })

  it('is asked nothing once there is no time, and the application is not waited for either', async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const gone = AbortSignal.abort(new Error('the caller has gone'))
    for (const more of [
      { fetch: never },
      { headers: never },
      { principal: never },
      { obligations: never },
    ] as const) {
      says('{"decision": true}')
      await expect(authZenPolicy({ url, timeout: 20, ...more })(inputOf(grant))).rejects.toThrow('timeout')
      const asked = authZenPolicy({ url, ...more })({ ...inputOf(grant), signal: gone })
      await expect(asked).rejects.toThrow('the caller has gone')
    }
  })

  it('is not waited for beyond the timeout, in the middle of its answer either', async () => {
    answer = (_, response) => void response.write('{"decision":')
    await expect(decide({ timeout: 20 })).rejects.toThrow()
    answer = () => {}
    await expect(decide({ timeout: 20 })).rejects.toThrow()
  })

  it('is not waited for when the request has no use for it any more', async () => {
    const given = new AbortController()
    answer = () => given.abort(new Error('the caller has gone'))
    await expect(decide({ signal: given.signal })).rejects.toThrow('the caller has gone')
  })
})

describe('a client of Cerbos', () => {
  const client = (answer: object | Promise<object>): CerbosClient =>
    ({ checkResource: async () => answer }) as unknown as CerbosClient

  it.each([
    ['an action that it says nothing of', { isAllowed: () => undefined, outputs: [] }],
    ['a yes that is no boolean', { isAllowed: () => 'yes', outputs: [] }],
  ])('lets nothing pass by %s', async (_, answer) => {
    expect(await cerbosPolicy({ client: client(answer) })(inputOf(grant))).toMatchObject({ verdict: 'deny' })
  })

  it.each<[string, object]>([
    ['an output that could not be evaluated', { outputs: [{ value: undefined, error: 'no such key' }] }],
    ['an output that could not be evaluated, and does not say why', { outputs: [{}] }],
    ['an output that is a text', { outputs: [{ value: 'stepUp' }] }],
    ['no outputs', {}],
    ['nothing', null as never],
  ])('lets nothing pass with %s', async (_, answer) => {
    const said = answer === null ? answer : { isAllowed: () => true, ...answer }
    await expect(cerbosPolicy({ client: client(said) })(inputOf(grant))).rejects.toThrow()
  })

  it.each(['admin', [], [1], undefined])('is not asked with the roles %j', async (roles) => {
    const policy = cerbosPolicy({ client: client({}), roles: () => roles as never })
    await expect(policy(inputOf(grant))).rejects.toThrow('option roles')
  })

  it('is not waited for beyond the timeout', async () => {
    const late = { refusal: { code: 'policy_unavailable' } }
    const policy = cerbosPolicy({ client: client(new Promise(() => {})), timeout: 20 })
    await expect(policy(inputOf(grant))).rejects.toMatchObject(late)
    // As its clients say it: INVALID_ARGUMENT.
    const invalid = cerbosPolicy({
      client: client(Promise.reject(Object.assign(new Error('x'), { code: 3 }))),
    })
    await expect(invalid(inputOf(grant))).rejects.toMatchObject({ refusal: { code: 'access_denied' } })
    const gone = cerbosPolicy({ client: client(Promise.reject(new Error('UNAVAILABLE'))) })
    await expect(gone(inputOf(grant))).rejects.toMatchObject(late)
  })
})

describe('options', () => {
  const declared: readonly (readonly [string, () => unknown, string])[] = [
    ['no address', () => authZenPolicy({ url: 'pdp' }), 'authZenPolicy: url: must be an http or https URL'],
    ['a file', () => authZenPolicy({ url: 'file:///x' }), 'authZenPolicy: url'],
    [
      'no time',
      () => authZenPolicy({ url: 'https://pdp.example', timeout: 0 }),
      'authZenPolicy: timeout: must be at least 1',
    ],
    [
      'no client',
      () => cerbosPolicy({ client: {} as CerbosClient }),
      'cerbosPolicy: client: must be a Cerbos client',
    ],
    ['no Cedar', () => cedarPolicy({ cedar: {} as never, policies: 'x' }), 'cedarPolicy: cedar: must be'],
    [
      'a misspelt option',
      () => authZenPolicy({ url: 'https://pdp.example', time: 1 } as { url: string }),
      'authZenPolicy: time: is not known; did you mean timeout?',
    ],
  ]
  it.each(declared)('refuse %s where the policy is declared', (_, declare, says) => {
    expect(declare).toThrow(TypeError)
    expect(declare).toThrow(says)
  })
})

import { generateKeyPairSync } from 'node:crypto'
import type { Agent, Caller, Connected, Grant, Person, TokenCaller } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import fastify from 'fastify'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { aauth, allow, deny, type Policy, stepUp } from './index.js'

const key = { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }
const options = {
  resource: 'https://rs.example',
  signingKeys: [key],
  scopes: { 'data.read': 'Read', 'data.write': 'Change' },
  accounts: () => true,
  interaction: { login: () => 'mom' },
}

describe('request.aauth', () => {
  it('is typed as what the route lets through', async () => {
    const app = fastify()
    await app.register(aauth, options)
    app.get('/none', (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Caller | null>()
      expectTypeOf(req.aauthObserved).toEqualTypeOf<Observed | null>()
    })
    app.get('/agent', { config: { aauth: 'agent' } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Agent>()
    })
    app.get('/agent2', { config: { aauth: { identity: 'agent' } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Agent>()
    })
    app.get('/person', { config: { aauth: 'person' } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Person | Grant>()
    })
    app.get('/any', { config: { aauth: { identity: 'any' } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<TokenCaller>()
    })
    app.get('/session', { config: { aauth: { session: { scope: 'data.read' } } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Connected>()
    })
    app.get('/grant', { config: { aauth: { scope: 'data.read' } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/list', { config: { aauth: { scope: ['data.read', { anyOf: ['data.write'] }] } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/open', { config: { aauth: { identity: 'any', optional: true } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<TokenCaller | null>()
    })
    app.get('/optional', { config: { aauth: { scope: 'data.read', optional: true } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | null>()
    })
    app.get('/strict', { config: { aauth: { scope: 'data.read', optional: false } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/observed', { config: { aauth: { scope: 'data.read', observe: true } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | null>()
    })
    app.get('/or', { config: { aauth: { scope: 'data.read', or: async () => {} } } }, (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | null>()
    })
    app.get(
      '/accounts/:account',
      { config: { aauth: { scope: 'data.read', account: (request) => request.params['account'] } } },
      (req) => {
        expectTypeOf(req.aauth.account).toEqualTypeOf<string>()
        expectTypeOf(req.aauth.kind).toEqualTypeOf<'grant'>()
        expectTypeOf(req.aauth.tenant).toEqualTypeOf<string | undefined>()
      },
    )
    app.get(
      '/claims',
      { config: { aauth: { claims: { email: true, groups: ['staff'] }, tenant: true, mission: true } } },
      (req) => {
        expectTypeOf(req.aauth.claims.email).toEqualTypeOf<string>()
        expectTypeOf(req.aauth.claims.groups).toEqualTypeOf<NonNullable<unknown>>()
        expectTypeOf(req.aauth.claims['other']).toEqualTypeOf<unknown>()
        expectTypeOf(req.aauth.tenant).toEqualTypeOf<string>()
        expectTypeOf(req.aauth.mission).toEqualTypeOf<string>()
      },
    )
    await app.close()
  })

  it('types what policies see, by what the route lets through', async () => {
    const app = fastify()
    await app.register(aauth, {
      ...options,
      policy: ({ caller }) => (caller.kind === 'agent' ? deny() : allow()),
    })
    const byAgent: Policy<Agent> = ({ caller }) => (caller.agent.endsWith('@ap.example') ? allow() : deny())
    app.get('/agent', { config: { aauth: { identity: 'agent', policy: byAgent } } }, () => ({}))
    app.get(
      '/inline',
      {
        config: {
          aauth: {
            scope: 'data.read',
            policy: ({ caller, request }) => {
              expectTypeOf(caller).toEqualTypeOf<Grant>()
              expectTypeOf(request.raw.ip).toEqualTypeOf<string>()
              return caller.scope.length > 1 ? allow() : stepUp({ scope: 'data.write' })
            },
          },
        },
      },
      () => ({}),
    )
    // @ts-expect-error a grant names no agent
    app.get('/data', { config: { aauth: { scope: 'data.read', policy: byAgent } } }, () => ({}))
    // @ts-expect-error a person token names no agent
    app.get('/person', { config: { aauth: { identity: 'person', policy: [byAgent] } } }, () => ({}))
    const more: Policy<Grant> = () => stepUp({ scope: 'data.write' })
    app.get('/more', { config: { aauth: { scope: 'data.read', policy: more } } }, () => ({}))
    expect(() =>
      app.get('/account', { config: { aauth: { identity: 'agent', account: () => 'a' } } }, () => ({})),
    ).toThrow(TypeError)
    await app.close()
  })
})

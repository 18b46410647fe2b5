import { generateKeyPairSync } from 'node:crypto'
import type { Agent, Caller, Connected, Grant, Person, TokenCaller } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import express from 'express'
import express4 from 'express4'
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

describe('req.aauth', () => {
  it('is typed as what the route lets through, in Express 5', () => {
    const guard = aauth(options)
    const app = express()
    app.get('/none', (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Caller | undefined>()
      expectTypeOf(req.aauthObserved).toEqualTypeOf<Observed | null | undefined>()
    })
    app.get('/agent', guard.require('agent'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Agent>()
    })
    app.get('/person', guard.require({ identity: 'person' }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Person | Grant>()
    })
    app.get('/any', guard.require({ identity: 'any' }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<TokenCaller>()
    })
    app.post('/grant', guard.require({ scope: ['data.read', 'data.write'] }), express.json(), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/session', guard.require({ session: true }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Connected>()
    })
    app.get('/open', guard.require({ identity: 'any', optional: true }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<TokenCaller | undefined>()
    })
    app.get('/strict', guard.require({ scope: 'data.read', optional: false }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/observed', guard.require({ scope: 'data.read', observe: true }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | undefined>()
    })
    app.get('/or', guard.require({ scope: 'data.read', or: express.json() }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | undefined>()
    })
    app.get(
      '/accounts/:account',
      guard.require({ scope: 'data.read', account: (request) => request.params['account'] }),
      (req) => {
        expectTypeOf(req.aauth.account).toEqualTypeOf<string>()
        expectTypeOf(req.params.account).toEqualTypeOf<string>()
      },
    )
    app.get('/claims', guard.require({ claims: { email: true, groups: 'staff' }, tenant: true }), (req) => {
      expectTypeOf(req.aauth.claims.email).toEqualTypeOf<string>()
      expectTypeOf(req.aauth.claims.groups).toEqualTypeOf<NonNullable<unknown>>()
      expectTypeOf(req.aauth.claims['other']).toEqualTypeOf<unknown>()
      expectTypeOf(req.aauth.tenant).toEqualTypeOf<string>()
    })
    const isList = (value: unknown): value is readonly string[] => Array.isArray(value)
    app.get('/guarded', guard.require({ scope: 'data.read', claims: { groups: isList } }), (req) => {
      expectTypeOf(req.aauth.claims.groups).toEqualTypeOf<readonly string[]>()
    })
    guard.server.close()
  })

  it('is typed as what the route lets through, in Express 4', () => {
    const guard = aauth(options)
    const app = express4()
    app.get('/none', (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Caller | undefined>()
    })
    app.get('/agent', guard.require('agent'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Agent>()
    })
    app.post('/grant', guard.require({ scope: 'data.read' }), express4.json(), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    app.get('/open', guard.require({ identity: 'any', optional: true }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<TokenCaller | undefined>()
    })
    app.get(
      '/accounts/:account',
      guard.require({ scope: 'data.read', account: (request) => request.params['account'] }),
      (req) => {
        expectTypeOf(req.aauth.account).toEqualTypeOf<string>()
        expectTypeOf(req.params.account).toEqualTypeOf<string>()
      },
    )
    guard.server.close()
  })

  it('may be nobody wherever the server or router is report-only', () => {
    const app = express()
    const watched = aauth({ ...options, observe: true })
    app.get('/a', watched.require({ scope: 'data.read' }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant | undefined>()
    })
    app.get('/b', watched.require({ scope: 'data.read', observe: false }), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Grant>()
    })
    const perhaps = aauth({ ...options, observe: process.env['OBSERVE'] === '1' })
    app.get('/c', perhaps.require('agent'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Agent | undefined>()
    })
    const router = aauth(options).with({ observe: true })
    app.get('/d', router.require('person'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Person | Grant | undefined>()
    })
    app.get('/e', router.with({ policy: () => allow() }).require('person'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Person | Grant | undefined>()
    })
    app.get('/f', router.with({ observe: false }).require('person'), (req) => {
      expectTypeOf(req.aauth).toEqualTypeOf<Person | Grant>()
    })
  })

  it('types what policies see, by what the route lets through', () => {
    const guard = aauth({
      ...options,
      policy: ({ caller, request }) => {
        expectTypeOf(caller).toEqualTypeOf<Caller>()
        expectTypeOf(request.raw.hostname).toEqualTypeOf<string>()
        return caller.kind === 'agent' ? deny() : allow()
      },
    })
    const byAgent: Policy<Agent> = ({ caller }) => (caller.agent.endsWith('@ap.example') ? allow() : deny())
    guard.require({ identity: 'agent', policy: byAgent })
    guard.require({
      scope: ['data.read'],
      policy: ({ caller, request }) => {
        expectTypeOf(caller).toEqualTypeOf<Grant>()
        expectTypeOf(request.raw.hostname).toEqualTypeOf<string>()
        return caller.scope.length > 1 ? allow() : stepUp({ scope: 'data.write' })
      },
    })
    guard.require({
      identity: 'person',
      policy: [({ caller }) => (caller.tenant === 'school' ? deny('not_for_schools') : allow())],
    })
    // @ts-expect-error a grant names no agent
    guard.require({ scope: 'data.read', policy: byAgent })
    // @ts-expect-error a person token names no agent
    guard.require({ identity: 'person', policy: [byAgent] })
    // @ts-expect-error a router's routes may let through anybody
    guard.with({ policy: byAgent })
    // @ts-expect-error there is nothing to step up from where only an agent is known
    guard.require({ identity: 'agent', policy: () => stepUp({ scope: 'data.write' }) })
    // @ts-expect-error an agent has no account
    expect(() => guard.require({ identity: 'agent', account: () => 'a' })).toThrow(TypeError)
    expect(() => guard.require({ scope: 'unknown' })).toThrow(/scope "unknown"/)
    guard.server.close()
  })
})

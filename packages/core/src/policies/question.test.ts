import { describe, expect, it } from 'vitest'
import type { Caller } from '../caller.js'
import { agent, grant, inputOf, now, token } from '../testing/policy-input.js'
import { questionOf } from './question.js'

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

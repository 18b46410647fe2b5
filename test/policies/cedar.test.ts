import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { Caller, PolicyInput } from '@countersign/core'
import { cedarPolicy } from '@countersign/core/policies'
import { describe, expect, it } from 'vitest'

const now = 1_800_000_000
const caller: Caller = {
  kind: 'grant',
  jkt: 'key',
  token: { iss: 'https://as.example', jti: 't', iat: now - 600, exp: now + 600 },
  person: { ps: 'https://ps.example', sub: 'mom' },
  scope: ['read'],
  claims: {},
}
const input: PolicyInput = {
  caller,
  now,
  approvedBy: [],
  signal: new AbortController().signal,
  request: { method: 'GET', path: '/notes/1', query: '', params: { id: '1' }, raw: {}, route: '/notes/:id' },
}
const decide = async (policies: string, more: object = {}): Promise<unknown> =>
  cedarPolicy({ cedar, policies, ask: () => {}, ...more })(input)

const all = 'permit (principal, action, resource);'
const none = 'forbid (principal, action, resource);'

describe('policies in Cedar', () => {
  it.each([
    ['permit', all, { verdict: 'allow' }],
    ['say nothing', 'permit (principal, action == Action::"POST", resource);', { verdict: 'deny' }],
    [
      'know the person',
      'permit (principal == Person::"https://ps.example#mom", action, resource);',
      { verdict: 'allow' },
    ],
    [
      'know its attributes',
      `permit (principal, action, resource) when { principal.sub == "mom" };`,
      { verdict: 'allow' },
    ],
    ['forbid', `${all} ${none}`, { verdict: 'deny' }],
    [
      'want a scope',
      `@stepUp("write share") ${all}`,
      { verdict: 'step-up', scope: ['write', 'share'], fresh: false },
    ],
    ['want a fresh grant', `@fresh ${all}`, { verdict: 'step-up', fresh: true }],
    ['want an approval without a name', `@approval ${all}`, { verdict: 'approval' }],
    ['want a person', `@interact("Delete it") ${all}`, { verdict: 'interact', description: 'Delete it' }],
    [
      'want two things of two policies',
      `@approval("a") ${all} @stepUp("write") ${all}`,
      { verdict: 'step-up' },
    ],
    ['forbid for want of a scope', `${all} @stepUp("write") ${none}`, { verdict: 'step-up' }],
    ['forbid for another reason as well', `${all} @stepUp("write") ${none} ${none}`, { verdict: 'deny' }],
    ['are called what their authors like', `@id("a") @advice("b") ${all}`, { verdict: 'allow' }],
  ])('%s', async (_, policies, expected) => {
    expect(await decide(policies)).toMatchObject(expected)
  })

  it('let nothing pass where one that forbids cannot be evaluated, which Cedar passes over', async () => {
    const failing = `${all} forbid (principal, action, resource) when { context.missing == 1 };`
    await expect(decide(failing)).rejects.toMatchObject({
      message: 'the policy engine cannot be asked: policy 1 could not be evaluated',
      refusal: { code: 'access_denied' },
    })
  })

  it('look up what the application gives', async () => {
    const uid = { type: 'Person', id: 'https://ps.example#mom' }
    const staff = { type: 'Group', id: 'staff' }
    const entities = (): object[] => [{ uid, attrs: {}, parents: [staff] }]
    const policies = 'permit (principal in Group::"staff", action, resource);'
    expect(await decide(policies, { entities })).toMatchObject({ verdict: 'allow' })
    expect(await decide(policies)).toMatchObject({ verdict: 'deny' })
    expect(await decide(policies, { entities: async () => entities() })).toMatchObject({ verdict: 'allow' })
  })

  it.each([
    ['an entity', { owner: { __entity: { type: 'Person', id: 'https://ps.example#mom' } } }],
    ['an entity further down', { list: [{ owner: { __entity: { type: 'Person', id: 'x' } } }] }],
    ['an address', { from: { __extn: { fn: 'ip', arg: '10.0.0.1' } } }],
    ['an expression', { __expr: 'ip("10.0.0.1")' }],
  ])('take no JSON of a stranger’s for %s', async (_, sent) => {
    // As an application passes on what it was sent.
    const content = JSON.parse(JSON.stringify(sent)) as object
    const policies = 'permit (principal, action, resource) when { context.content.owner == principal };'
    for (const more of [
      { context: () => ({ content }) },
      { resource: () => ({ type: 'note', id: '1', properties: { content } }) },
      { principal: () => ({ type: 'person', id: 'https://ps.example#mom', properties: { content } }) },
    ])
      await expect(decide(policies, more)).rejects.toMatchObject({
        message: expect.stringContaining('has a member called __'),
        refusal: { code: 'access_denied' },
      })
    // The names are nothing special among values.
    const named = { context: () => ({ content: { owner: '__entity' } }) }
    expect(await decide(policies, named)).toMatchObject({ verdict: 'deny' })
  })

  it.each([
    ['a fraction', '{"price":1.5}'],
    ['nothing', '{"price":null}'],
    ['half a character', String.raw`{"name":"\ud800"}`],
    ['nesting', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
  ])('look up nothing with what a stranger has written: %s', async (_, written) => {
    const uid = { type: 'Note', id: '1' }
    const entities = () => [{ uid, attrs: JSON.parse(written) as object, parents: [] }]
    await expect(decide(all, { entities })).rejects.toMatchObject({
      message: expect.stringMatching(/^the policy engine cannot be asked: entities /),
      refusal: { code: 'access_denied' },
    })
    // What names an entity there is the application's own.
    const owner = { __entity: { type: 'Person', id: 'https://ps.example#mom' } }
    const own = () => [{ uid, attrs: { owner }, parents: [] }]
    expect(await decide(all, { entities: own })).toMatchObject({ verdict: 'allow' })
  })

  it.each<[string, object]>([
    ['as a type', { resource: () => ({ type: 'a::b"', id: '1', properties: {} }) }],
    [
      'as the name of the caller, of whom something else is said',
      { resource: () => ({ type: 'person', id: 'https://ps.example#mom', properties: { admin: true } }) },
    ],
  ])('are not asked with what a stranger chose %s', async (_, more) => {
    await expect(decide(all, more)).rejects.toMatchObject({ refusal: { code: 'access_denied' } })
  })

  it('are a fault of the application’s where it has looked up what is none, or the engine fails at everything', async () => {
    const uid = { type: 'Note', id: 'resource' }
    const twice = () => [1, 2].map((x) => ({ uid, attrs: { x }, parents: [] }))
    const broken = {
      ...cedar,
      statefulIsAuthorized: () => ({ type: 'failure', errors: [{ message: 'no such policies: principal' }] }),
    }
    for (const [more, says] of [
      [{ entities: twice }, 'duplicate entity'],
      [{ cedar: broken }, 'no such policies'],
    ] as const) {
      const fault: unknown = await decide(all, more).catch((cause: unknown) => cause)
      expect([(fault as { refusal?: unknown }).refusal, String(fault)]).toEqual([
        undefined,
        expect.stringContaining(says),
      ])
    }
  })

  it('let nothing pass where the application has nothing to look up', async () => {
    const policies = `${all} forbid (principal in Group::"banned", action, resource);`
    for (const entities of [() => undefined, async () => null, () => ({})])
      await expect(decide(policies, { entities })).rejects.toThrow('option entities')
  })

  it.each([
    ['what is no Cedar', 'permit everything', 'cedarPolicy: policies:'],
    ['templates', 'permit (principal == ?principal, action, resource);', 'templates'],
    ['a misspelt annotation', `@aproval("a") ${all}`, 'did you mean approval?'],
    ['an annotation in other letters', `@step_up("write") ${all}`, 'did you mean stepUp?'],
    ['a step up to nothing', `@stepUp ${all}`, '@stepUp must name scopes'],
    ['an approval that makes a yes of a no', `${all} @approval("a") ${none}`, 'are for a permit'],
  ])('are refused where they are declared: %s', (_, policies, says) => {
    const declare = (): unknown => cedarPolicy({ cedar, policies, ask: () => {} })
    expect(declare).toThrow(TypeError)
    expect(declare).toThrow(says)
  })

  it('need somebody who is asked for an approval', () => {
    expect(() => cedarPolicy({ cedar, policies: `@approval("a") ${all}` })).toThrow('cedarPolicy: ask')
  })
})

import { describe, expect, it } from 'vitest'
import { grant, inputOf } from '../testing/policy-input.js'
import { type CerbosClient, cerbosPolicy } from './cerbos.js'

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

  it('is not asked with half a character in a role', async () => {
    const policy = cerbosPolicy({ client: client({}), roles: () => ['admin\ud800'] })
    await expect(policy(inputOf(grant))).rejects.toMatchObject({ refusal: { code: 'access_denied' } })
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

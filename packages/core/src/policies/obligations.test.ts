import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { Caller } from '../caller.js'
import { agent, grant, now, token } from '../testing/policy-input.js'
import { readObligations, verdictOf } from './obligations.js'

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

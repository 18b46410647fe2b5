import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Grant, TokenCaller } from '../caller.js'
import { unbound } from './bindings.js'
import { decide, type Need } from './decide.js'
import type { ScopeRule } from './scope-rule.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scopes = ['read', 'write', 'delete']
const verified = { jkt: 'x', token: { iss: 'https://ps.example', jti: '1', iat: 0, exp: 1 } }
const person = { ps: 'https://ps.example', sub: 'mom' }
const grantOf = (scope: readonly string[]): Grant => ({
  kind: 'grant',
  person,
  scope,
  claims: {},
  ...verified,
})

const caller = fc.oneof(
  fc.constant(undefined),
  fc.constant<TokenCaller>({
    kind: 'agent',
    agent: 'aauth:sam@ap.example',
    provider: 'https://ap.example',
    ...verified,
  }),
  fc.constant<TokenCaller>({ kind: 'person', person, ...verified }),
  fc.subarray(scopes).map(grantOf),
)

const { rule } = fc.letrec<{ rule: ScopeRule; list: ScopeRule[] }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...scopes),
    tie('list'),
    tie('list').map((anyOf) => ({ anyOf })),
    tie('list').map((allOf) => ({ allOf })),
  ),
  list: fc.array(tie('rule'), { minLength: 1, maxLength: 3 }),
}))

const need: fc.Arbitrary<Need> = fc
  .record({
    needs: fc.constantFrom('any', 'agent', 'person', 'grant'),
    optional: fc.boolean(),
    scope: rule,
    objection: fc.option(fc.constant('not yours'), { nil: undefined }),
    // What the application says of the person, where a user is needed.
    linked: fc.option(fc.constantFrom({ unlinked: true }, { user: 'mom' }), { nil: undefined }),
  })
  .map(({ objection, linked, ...parts }) => ({
    ...unbound,
    claims: {},
    ask: [],
    ...parts,
    ...(objection === undefined ? {} : { objection }),
    // Only where somebody is known who can be linked.
    ...(parts.needs === 'any' || parts.needs === 'agent' ? {} : linked),
  }))

/** What a rule means, said once more. */
function meets(rule: ScopeRule, held: readonly string[]): boolean {
  if (typeof rule === 'string') return held.includes(rule)
  if ('anyOf' in rule) return rule.anyOf.some((part) => meets(part, held))
  return ('allOf' in rule ? rule.allOf : rule).every((part) => meets(part, held))
}

const runs = { numRuns: 1000 }

describe('the decision is total [R-152] [R-153] [R-155] [R-156]', () => {
  it('for every need and every caller, and serves only who meets the need', () => {
    fc.assert(
      fc.property(need, caller, (need, caller) => {
        const decision = decide(need, caller)
        switch (decision.act) {
          case 'serve':
            if (need.user === undefined || caller === undefined) expect(decision.caller).toBe(caller)
            else expect(decision.caller).toEqual({ ...caller, user: need.user })
            if (caller !== undefined) expect(need.unlinked).toBeUndefined()
            if (caller === undefined) expect(need.optional).toBe(true)
            else if (need.needs === 'agent') expect(caller.kind).toBe('agent')
            else if (need.needs === 'person') expect(['person', 'grant']).toContain(caller.kind)
            else if (need.needs === 'grant') {
              expect(caller.kind === 'grant' && meets(need.scope, caller.scope)).toBe(true)
              expect(need.objection).toBeUndefined()
            }
            break
          case 'ask':
            expect(decision.requirement).toBe(
              need.needs === 'agent' || need.needs === 'any' ? 'agent-token' : 'person-token',
            )
            break
          case 'ask-grant':
            // Only on behalf of a person who is known.
            expect(need.needs === 'grant' || decision.link).toBe(true)
            expect(decision.link).toBe(need.unlinked)
            expect(need.objection).toBeUndefined()
            expect(['person', 'grant']).toContain(caller?.kind)
            break
          case 'forbid':
            expect(need.objection).toBeDefined()
            break
          default:
            expect(decision.act).toBe('one of the above')
        }
      }),
      runs,
    )
  })

  it('and an agent that brings what it was asked for is served: nobody goes in circles [R-157]', () => {
    fc.assert(
      fc.property(need, caller, (need, caller) => {
        const decision = decide(need, caller)
        if (decision.act !== 'ask-grant') return
        const held = caller?.kind === 'grant' ? caller.scope : []
        expect(decision.scope).toEqual(expect.arrayContaining([...held]))
        // They have been to our page meanwhile.
        const { unlinked: _, ...linked } = need
        expect(decide(linked, grantOf(decision.scope)).act).toBe('serve')
      }),
      runs,
    )
  })
})

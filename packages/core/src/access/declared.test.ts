import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { testResource } from '../testing/resource.js'
import { checkRequirement } from './checked-requirement.js'
import { deny, type PolicyVerdict } from './policy.js'

const context = {
  scopes: new Set(['read', 'write']),
  accounts: true,
  users: true,
  keys: true,
  policies: [],
  observe: false,
  interaction: true,
  onward: true,
}
const faultOf = (work: () => unknown): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return error instanceof TypeError ? error.message : `no TypeError: ${String(error)}`
  }
}
const must = (name: string, expected: string): string => `require: ${name}: must be ${expected}`

// Every member that a misspelt name may leave undefined, and what each has to be.
const members: readonly (readonly [object, string, string])[] = [
  ...[
    ['policy', 'a function or a list of functions'],
    ['or', 'a function or a list of at least one'],
    ['orWins', 'a function of the request'],
    ['optional', 'a boolean'],
    ['observe', 'a boolean'],
    ['replay', "true, false or 'all'"],
    ['effect', "'read', 'write' or 'irreversible'"],
    ['components', 'components that signatures can be asked to cover'],
  ].flatMap(([name = '', expected = '']) =>
    [
      { identity: 'any' },
      { identity: 'agent' },
      { identity: 'person' },
      { session: true },
      { scope: 'read' },
    ].map((route) => [route, name, expected] as const),
  ),
  ...[
    ['person', 'a function of the request'],
    ['tenant', 'true, { ps, tenant } or a function'],
    ['mission', 'true, a hash or a function'],
    ['user', 'true or a function'],
  ].flatMap(([name = '', expected = '']) =>
    [{ identity: 'person' }, { scope: 'read' }].map((route) => [route, name, expected] as const),
  ),
  [{ scope: 'read' }, 'account', 'a function of the request'],
  [{ scope: 'read' }, 'deliver', "'challenge' or 'held'"],
  [{ scope: 'read' }, 'ask', 'a scope or a list of at least one'],
  [{ claims: { email: true } }, 'scope', 'a name, a list, { anyOf: [...] }, { allOf: [...] } or a function'],
]

class Hidden {
  readonly identity = 'agent'
  get policy(): undefined {
    return undefined
  }
}

describe('no slip of the pen opens a route', () => {
  it('takes the rules of a class for said', () => {
    class Ruled {
      readonly identity = 'agent'
      policy(): PolicyVerdict {
        return deny()
      }
    }
    expect(checkRequirement(new Ruled(), context).policies).toHaveLength(1)
    expect(checkRequirement(Object.assign(Object.create(null), { identity: 'agent' }), context).needs).toBe(
      'agent',
    )
    expect(checkRequirement(runInNewContext("({ identity: 'agent' })"), context).needs).toBe('agent')
  })

  it.each(members)(
    '%o with %s as undefined, null or a number names what it must be',
    (route, name, expected) => {
      for (const value of [undefined, null, 7, Number.NaN])
        expect(faultOf(() => checkRequirement({ ...route, [name]: value }, context))).toBe(
          `${must(name, expected)}${value === undefined ? ', it is undefined' : ''}`,
        )
    },
  )

  it.each([
    [{ identity: 'agent', polcy: () => false }, 'require: polcy: is not known'],
    [{ identity: 'agent', Policy: () => false }, 'require: Policy: is not known'],
    [
      { identity: 'agent', __proto__: { policy: undefined } },
      must('policy', 'a function or a list of functions'),
    ],
    [
      Object.defineProperty({ identity: 'agent' }, 'policy', { value: undefined }),
      must('policy', 'a function or a list of functions'),
    ],
    [new Hidden(), must('policy', 'a function or a list of functions')],
    [{ identity: undefined }, "require: identity: must be 'any', 'agent' or 'person'"],
    [{ identity: undefined, scope: 'read' }, "require: identity: must be 'any', 'agent' or 'person'"],
    [{ session: undefined }, 'require: session: must be true or an object'],
    [{ session: { scope: undefined } }, 'require: session.scope: must be a scope or a list of at least one'],
    [{ session: { scope: [] } }, 'require: session.scope: must be a scope or a list of at least one'],
    [{ session: { scpoe: 'read' } }, 'require: session.scpoe: is not known'],
    [{ session: { description: 7 } }, 'require: session.description: must be a string'],
    [{ scope: 'read', claims: undefined }, 'require: claims: must name at least one claim'],
    [{ scope: 'read', claims: ['email'] }, 'require: claims: must name at least one claim'],
    [{ scope: 'read', ask: [] }, must('ask', 'a scope or a list of at least one')],
    [
      { scope: 'read', ask: 'everything' },
      'require: ask: "everything" is not described in the option scopes',
    ],
    [{ scope: 'read', tenant: { ps: 'https://ps.example', tenant: 'a', account: 'b' } }, 'require: tenant: '],
    [{ identity: 'agent', or: [] }, must('or', 'a function or a list of at least one')],
    [{ identity: 'agent', or: true }, must('or', 'a function or a list of at least one')],
    [{ identity: 'agent', or: 'x' }, must('or', 'a function or a list of at least one')],
    [{ identity: 'agent', or: {} }, must('or', 'a function or a list of at least one')],
    [{ identity: 'agent', or: [() => {}, undefined] }, must('or', 'a function or a list of at least one')],
    // Lists with nothing at a place: whoever walks over them passes it by.
    [{ identity: 'agent', or: new Array(1) }, must('or', 'a function or a list of at least one')],
    [{ identity: 'agent', policy: new Array(1) }, must('policy', 'a function or a list of functions')],
    [{ scope: 'read', mission: new Array(1) }, must('mission', 'true, a hash or a function')],
    [{ scope: 'read', claims: { email: new Array(1) } }, 'require: claims.email must be'],
    [{ identity: 'agent', policy: [undefined] }, must('policy', 'a function or a list of functions')],
    ['read', 'require: a scope is asked for by { scope: "read" }'],
    ['email', 'require: a scope is asked for by { scope: "email" }'],
    [
      { user: true },
      "require: user does not say who may call; it goes with identity: 'person', scope or claims",
    ],
    [
      { identity: 'agent', user: true },
      "require: user goes with identity: 'person', scope or claims, and not with identity: 'agent'",
    ],
    [
      { session: true, tenant: true },
      "require: tenant goes with identity: 'person', scope or claims, and not with session",
    ],
    [
      { identity: 'person', account: () => 'a' },
      "require: account goes with scope or claims, and not with identity: 'person'",
    ],
    ['nothing.known', "require: expected 'agent', 'person'"],
    [{ scope: 'raed' }, 'is not described in the option scopes; did you mean read?'],
    [{ scope: 'read write' }, 'is not described in the option scopes; several scopes are a list'],
    [{ scopes: ['read'] }, '{ session }; scopes is not known; did you mean scope?'],
    [{ identiy: 'agent' }, '{ session }; identiy is not known; did you mean identity?'],
    [{ audience: 'x' }, '{ session }; audience is not known'],
    [{}, "require: expected 'agent', 'person'"],
    [{ identity: 'agent', observ: true }, 'require: observ: is not known; did you mean observe?'],
    [{ session: { scpoe: 'read' } }, 'session.scpoe: is not known; did you mean scope?'],
    [undefined, "require: expected 'agent', 'person'"],
    [['agent'], "require: expected 'agent', 'person'"],
    [() => 'agent', "require: expected 'agent', 'person'"],
  ])('%o: %s', (requirement, message) => {
    expect(faultOf(() => checkRequirement(requirement, context))).toContain(message)
  })

  it.each([
    [{ policy: undefined }, 'with: policy: must be a function or a list of functions'],
    [{ polcy: () => false }, 'with: polcy: is not known'],
    [{ observe: undefined }, 'with: observe: must be a boolean'],
    [undefined, 'with: '],
    [{ policy: [null] }, 'with: policy: must be a function or a list of functions'],
  ])('with(%o): %s', (defaults, message) => {
    expect(faultOf(() => testResource().with(defaults as never))).toContain(message)
  })

  it.each([
    [{ policy: undefined }, 'option policy: must be a function or a list of functions'],
    [{ accounts: undefined }, 'option accounts: must be a function'],
    [{ authorize: undefined }, 'option authorize: must be a function'],
    [{ store: undefined }, 'option store: must have get, put, claim and delete'],
    [{ pending: { perKey: undefined } }, 'option pending.perKey: '],
    [{ interaction: { login: undefined } }, 'option interaction.login: must be a function'],
    [{ interaction: { logn: () => 'x', login: () => 'x' } }, 'option interaction.logn: is not known'],
    [{ issuers: { allow: undefined } }, 'option issuers.allow: '],
    [{ resource: undefined }, 'option resource: Invalid input: expected string, it is undefined'],
  ])('an option of %o: %s', (options, message) => {
    expect(faultOf(() => testResource(options as never))).toContain(message)
  })
})

import { describe, expect, it } from 'vitest'
import type { Caller, Grant } from '../caller.js'
import { interact } from '../interaction/ask.js'
import { now, signed, token } from '../testing/party.js'
import { inShort, testResource } from '../testing/resource.js'
import { authorized } from './access-options.js'
import { fresh, readOnly } from './effects.js'
import { allow, approval, deny, type Policy, type PolicyVerdict, stepUp } from './policy.js'
import type { Requirement } from './requirement.js'

const grant = (claims: object = {}): Promise<string> => token('aa-auth+jwt', claims)
const decide = async (
  requirement: Requirement,
  { jwt = grant(), method = 'GET', server = testResource() }: Setting = {},
): Promise<string> => {
  const rawHeaders = ['Host', 'rs.example']
  const request = await signed(await jwt, {}, { method, target: '/data?x=1', rawHeaders })
  return inShort(await server.require(requirement).check(request))
}
interface Setting {
  readonly jwt?: Promise<string>
  readonly method?: string
  readonly server?: ReturnType<typeof testResource>
}

describe('policies', () => {
  it('have the last word, whatever was granted (R-144, R-163)', async () => {
    const policy: Policy<Grant> = ({ caller, request, now: time }) =>
      caller.scope.includes('data.read') &&
      request.path === '/data' &&
      request.query === 'x=1' &&
      time === now
        ? deny('not_here', 'Not here.')
        : allow()
    expect(await decide({ scope: 'data.read', policy })).toBe('403 not_here')
  })

  it('are asked in order: the server’s, the router’s, the route’s; the first that does not allow decides', async () => {
    const asked: string[] = []
    const say =
      (name: string, verdict: PolicyVerdict<Caller> = allow()) =>
      (): PolicyVerdict<Caller> => {
        asked.push(name)
        return verdict
      }
    const server = testResource({ policy: [say('server 1'), say('server 2')] })
    const router = server.with({ policy: say('router') }).with({ policy: [say('inner router')] })
    const route = router.require({
      scope: 'data.read',
      policy: [say('route 1'), say('route 2', deny('no')), say('route 3')],
    })
    expect(inShort(await route.check(await signed(await grant())))).toBe('403 no')
    expect(asked).toEqual(['server 1', 'server 2', 'router', 'inner router', 'route 1', 'route 2'])
    expect(await decide({ scope: 'data.read' }, { server })).toBe('served')
    expect(asked.slice(6)).toEqual(['server 1', 'server 2'])
  })

  it('are not asked before the requirement is met', async () => {
    const policy = (): never => {
      throw new Error('asked')
    }
    expect(await decide({ scope: 'data.read', policy }, { jwt: token('aa-person+jwt') })).toBe(
      'auth-token: data.read',
    )
    expect(await decide({ scope: 'data.write', policy })).toBe('auth-token: data.read data.write')
  })

  it.each<[string, unknown]>([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    ['answers nothing', () => undefined],
    ['answers true', () => true],
    ['answers something else', () => ({ verdict: 'maybe' })],
    ['wants an interaction where there is no page', () => interact()],
    ['asks for an unknown scope', () => stepUp({ scope: 'unknown' })],
  ])('that %s refuses with 500', async (_name, policy) => {
    expect(await decide({ scope: 'data.read', policy } as Requirement)).toBe('500 server_error')
  })

  it('may take their time', async () => {
    const policy = async (): Promise<PolicyVerdict<Grant>> => deny()
    expect(await decide({ scope: 'data.read', policy })).toBe('403 access_denied')
  })
})

describe('step-up by policy (R-157, G-47)', () => {
  it('asks for the union of what is held and what is wanted', async () => {
    const policy = (): PolicyVerdict<Grant> => stepUp({ scope: ['data.write', 'data.read'] })
    expect(await decide({ scope: 'data.read', policy })).toBe('auth-token: data.read data.write')
  })

  it('starts from a person as well, where a route needs no grant', async () => {
    const requirement: Requirement = {
      identity: 'person',
      policy: ({ caller }) => (caller.kind === 'grant' ? allow() : stepUp({ scope: 'data.read' })),
    }
    expect(await decide(requirement, { jwt: token('aa-person+jwt') })).toBe('auth-token: data.read')
    expect(await decide(requirement)).toBe('served')
  })

  it('does not go round in circles', async () => {
    expect(await decide({ scope: 'data.read', policy: () => stepUp({ scope: 'data.read' }) })).toBe(
      '403 access_denied',
    )
  })

  it('is a 500 where only an agent is known', async () => {
    const policy = (() => stepUp({ scope: 'data.read' })) as unknown as Policy<never>
    expect(await decide({ identity: 'agent', policy } as Requirement, { jwt: token('aa-agent+jwt') })).toBe(
      '500 server_error',
    )
  })

  it('brings identity scopes that the person’s server lists, and gives up on others (R-286, G-48)', async () => {
    const ask = (scope: string): Requirement => ({ scope: 'data.read', policy: () => stepUp({ scope }) })
    expect(await decide(ask('email'))).toBe('auth-token: data.read email')
    expect(await decide(ask('address'))).toBe('403 access_denied')
    const jwt = grant({ scope: 'data.read groups address other' })
    expect(await decide(ask('data.write'), { jwt })).toBe('auth-token: data.read groups data.write')
  })
})

describe('claims and the person’s server (G-48)', () => {
  it('are asked for where the server lists their scope (R-195)', async () => {
    const requirement: Requirement = { scope: 'data.read', claims: { email: true, groups: 'staff' } }
    expect(await decide(requirement, { jwt: token('aa-person+jwt') })).toBe(
      'auth-token: data.read email groups',
    )
    expect(await decide(requirement)).toBe('auth-token: data.read email groups')
    const jwt = grant({ scope: 'data.read email groups', email: 'a@b.example', groups: ['staff'] })
    expect(await decide(requirement, { jwt })).toBe('served')
  })

  it('are a 403 where it does not, before anybody is asked for consent', async () => {
    const requirement: Requirement = { scope: 'data.read', claims: { address: true } }
    expect(await decide(requirement, { jwt: token('aa-person+jwt') })).toBe('403 access_denied')
    expect(await decide(requirement)).toBe('403 access_denied')
  })
})

describe('effects', () => {
  it('read lets through nothing that may change something', async () => {
    expect(await decide({ scope: 'data.read', effect: 'read' })).toBe('served')
    expect(await decide({ scope: 'data.read', effect: 'read' }, { method: 'POST' })).toBe('403 read_only')
    const server = testResource().with({ policy: readOnly }) as ReturnType<typeof testResource>
    expect(await decide('person', { server, method: 'DELETE' })).toBe('403 read_only')
  })

  it('write wants the content signed', async () => {
    const rawHeaders = ['Host', 'rs.example', 'Content-Type', 'text/plain', 'Content-Length', '2']
    const request = await signed(await grant(), {}, { method: 'POST', target: '/data', rawHeaders })
    const outcome = await testResource().require({ scope: 'data.read', effect: 'write' }).check(request)
    expect(outcome).toMatchObject({
      code: 'invalid_input',
      answer: { headers: { 'Signature-Error': expect.stringContaining('"content-digest"') } },
    })
  })

  it('irreversible wants a fresh grant and a signature that serves once', async () => {
    const route = testResource().require({ scope: 'data.read', effect: 'irreversible' })
    const rawHeaders = ['Host', 'rs.example']
    const post = { method: 'POST', target: '/data', rawHeaders }
    const request = await signed(await grant({ iat: now - 300 }), {}, post)
    expect(inShort(await route.check(request))).toBe('served')
    expect(inShort(await route.check({ ...request, rawHeaders: [...request.rawHeaders] }))).toMatch(/^401/)
    const old = await signed(await grant({ iat: now - 301 }), {}, post)
    expect(inShort(await route.check(old))).toBe('auth-token: data.read')
  })

  it('cannot be said of routes without a grant', () => {
    const requirement = { identity: 'person', effect: 'irreversible' } as unknown as Requirement
    expect(() => testResource().require(requirement)).toThrow('effect irreversible needs')
    expect(() => fresh(59)).toThrow(TypeError)
    expect(() => fresh(Number.NaN)).toThrow(TypeError)
  })
})

describe('what a policy cannot answer', () => {
  it.each(['a b\r\n', '', 'Upper', '_a', 'a__b', 'x'.repeat(65)])('deny(%j)', async (code) => {
    expect(() => deny(code)).toThrow('deny: code must be')
    expect(await decide({ scope: 'data.read', policy: () => deny(code) })).toBe('500 server_error')
    const literal = (): PolicyVerdict<Grant> => ({ verdict: 'deny', code, detail: undefined })
    expect(await decide({ scope: 'data.read', policy: literal })).toBe('500 server_error')
  })

  it('a detail that is no text', () => {
    expect(() => deny('no', 3 as never)).toThrow('deny: detail must be a string')
  })

  it.each([undefined, {}, { subject: 'finance' }, { ask: 'mom' }])(
    'approval(%j), which asks nobody',
    async (options) => {
      expect(() => approval(options as never)).toThrow('approval: ask must be a function')
      const literal = (): PolicyVerdict<Grant> => ({ verdict: 'approval', ...options }) as never
      expect(await decide({ scope: 'data.read', policy: literal })).toBe('500 server_error')
    },
  )

  const ask = (): undefined => undefined
  it.each<[string, () => unknown]>([
    ['interact: bye: is not known', () => interact({ bye: 'mom' } as never)],
    ['interact: by: must name one user or several', () => interact({ by: undefined } as never)],
    ['interact: by: must name one user or several', () => interact({ by: ['mom', ' '] })],
    ['interact: description: ', () => interact({ description: 5 } as never)],
    ['approval: sujet: is not known', () => approval({ ask, sujet: 'finance' } as never)],
    ['approval: subject: ', () => approval({ ask, subject: undefined } as never)],
    ['approval: subject: must not be empty', () => approval({ ask, subject: '' })],
    ['stepUp: fersh: is not known', () => stepUp({ fersh: true } as never)],
    ['stepUp: scope: must be a scope or several', () => stepUp({ scope: undefined } as never)],
    ['stepUp: fresh: must be a boolean', () => stepUp({ fresh: 'yes' } as never)],
    ['stepUp: ', () => stepUp(undefined as never)],
    ['authorized: the session needs a user', () => authorized([], { user: undefined } as never)],
    ['authorized: the session needs a user', () => authorized([], { user: ' ' })],
  ])('what is misspelt, or nobody: %s', (message, say) => {
    expect(say).toThrow(TypeError)
    expect(say).toThrow(message)
  })

  it('an interaction with somebody misspelt, made by hand', async () => {
    const literal = (): PolicyVerdict<Grant> => ({ verdict: 'interact', by: undefined }) as never
    expect(await decide({ scope: 'data.read', policy: literal })).toBe('500 server_error')
  })
})

describe('a step-up for something fresh', () => {
  const always: Policy<Grant> = () => stepUp({ fresh: true })

  it('is met by a grant of the last minute, so that it ends (as policies.md has it)', async () => {
    expect(await decide({ scope: 'data.read', policy: always }, { jwt: grant({ iat: now - 600 }) })).toBe(
      'auth-token: data.read',
    )
    expect(await decide({ scope: 'data.read', policy: always }, { jwt: grant({ iat: now - 60 }) })).toBe(
      'served',
    )
    expect(await decide({ scope: 'data.read', policy: always }, { jwt: grant({ iat: now - 61 }) })).toBe(
      'auth-token: data.read',
    )
  })

  it('lets the next policy have its say', async () => {
    const policy = [always, () => deny('no')]
    expect(await decide({ scope: 'data.read', policy }, { jwt: grant({ iat: now }) })).toBe('403 no')
  })
})

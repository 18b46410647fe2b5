import { describe, expect, it } from 'vitest'
import type { Served } from '../answer/outcome.js'
import type { HttpRequest } from '../http/message.js'
import { signed, token } from '../testing/party.js'
import { inShort, resourceTokenIn, testResource } from '../testing/resource.js'
import { deny } from './policy.js'
import type { Requirement } from './requirement.js'

const nobody: HttpRequest = { method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] }
const signedWithout = async (field: string): Promise<HttpRequest> => {
  const request = await signed(await token('aa-auth+jwt'))
  const at = request.rawHeaders.indexOf(field)
  return { ...request, rawHeaders: request.rawHeaders.toSpliced(at, 2) }
}
const halfSigned = (): Promise<HttpRequest> => signedWithout('Signature')
/** Signed by a profile that has no `Signature-Key`. */
const foreign = (): Promise<HttpRequest> => signedWithout('Signature-Key')

describe('optional (HC-28)', () => {
  it('serves nobody, and everybody who meets the requirement', async () => {
    const route = testResource().require({ scope: 'data.read', optional: true })
    expect(inShort(await route.check(nobody))).toBe('served nobody')
    expect(inShort(await route.check(await signed(await token('aa-auth+jwt'))))).toBe('served')
    expect(inShort(await route.check(await signed(await token('aa-agent+jwt'))))).toBe('401 person-token')
  })

  it('asks no policy about nobody, and refuses half a signature', async () => {
    const route = testResource({ policy: () => deny() }).require({ identity: 'any', optional: true })
    expect(inShort(await route.check(nobody))).toBe('served nobody')
    expect(inShort(await route.check(await signed(await token('aa-agent+jwt'))))).toBe('403 access_denied')
    expect(inShort(await route.check(await halfSigned()))).toBe('401 invalid_signature')
  })

  it('serves nobody who signs for somebody else (G-70)', async () => {
    const route = testResource().require({ scope: 'data.read', optional: true })
    expect(inShort(await route.check(await foreign()))).toBe('served nobody')
  })
})

describe('another way in (R-151)', () => {
  const beside = { scope: 'data.read', or: () => {} } as unknown as Requirement

  it('decides about requests without a signature, with our challenge at hand', async () => {
    const outcome = await testResource().require(beside).check(nobody)
    expect(outcome).toMatchObject({ served: false, or: true, code: 'person-token', answer: { status: 401 } })
    expect(outcome).not.toHaveProperty('answer.headers.WWW-Authenticate')
  })

  it('is not asked about a request that is signed, however badly', async () => {
    const route = testResource().require(beside)
    for (const request of [await halfSigned(), await signed(await token('aa-agent+jwt'))])
      expect(await route.check(request)).not.toHaveProperty('or')
  })

  it('is asked about a request that is signed for somebody else (G-70)', async () => {
    const outcome = await testResource()
      .require(beside)
      .check(await foreign())
    expect(outcome).toMatchObject({ served: false, or: true, code: 'person-token', answer: { status: 401 } })
    expect(outcome).toHaveProperty('answer.headers.Accept-Signature-Scheme')
  })

  it('decides about a signed request where the user says so', async () => {
    const asked: string[] = []
    const orWins: Requirement = {
      ...(beside as object),
      orWins: ({ path }: { path: string }) => asked.push(path) > 0,
    } as unknown as Requirement
    const outcome = await testResource()
      .require(orWins)
      .check(await halfSigned())
    expect(outcome).toMatchObject({ served: false, or: true, answer: { status: 401 } })
    expect(outcome).not.toHaveProperty('answer.headers.Signature-Error')
    expect(asked).toEqual(['/data'])
  })

  it('opens nothing when saying so fails', async () => {
    const orWins = { ...(beside as object), orWins: () => JSON.parse('{') } as unknown as Requirement
    expect(await testResource().require(orWins).check(nobody)).toMatchObject({ code: 'server_error' })
  })
})

describe('report-only', () => {
  const observe = async (request: HttpRequest, more: object = {}): Promise<[Served, unknown[]]> => {
    const server = testResource()
    const outcome = await server
      .require({ scope: 'data.read', observe: true, ...more } as Requirement)
      .check(request)
    return [outcome as Served, server.events]
  }
  const bearing = async (typ: 'aa-agent+jwt' | 'aa-person+jwt' | 'aa-auth+jwt'): Promise<HttpRequest> =>
    signed(await token(typ))

  it('serves what would be served, and says so', async () => {
    const [outcome, events] = await observe(await bearing('aa-auth+jwt'))
    expect(outcome).toMatchObject({ served: true, caller: { kind: 'grant' }, observed: null })
    expect(events).toEqual([{ name: 'served', caller: 'grant' }])
  })

  it('mints nothing where a resource token would be, and tells who asked', async () => {
    const [outcome, events] = await observe(await bearing('aa-person+jwt'))
    expect(outcome).toMatchObject({ served: true, caller: undefined })
    expect(outcome.observed).toMatchObject({ code: 'auth-token', status: 401, caller: { kind: 'person' } })
    expect(outcome).not.toHaveProperty('answer')
    expect(resourceTokenIn({ ...outcome, answer: { headers: {} } } as never)).toEqual({})
    expect(events).toEqual([{ name: 'observed', code: 'auth-token', status: 401 }])
  })

  it.each<[string, () => Promise<HttpRequest>, object, object]>([
    ['nobody', async () => nobody, {}, { code: 'person-token', status: 401, caller: undefined }],
    ['half a signature', halfSigned, {}, { code: 'invalid_signature', status: 401, caller: undefined }],
    ['an agent', () => bearing('aa-agent+jwt'), {}, { code: 'person-token', status: 401 }],
    [
      'a policy that denies',
      () => bearing('aa-auth+jwt'),
      { policy: () => deny('no', 'No.') },
      { code: 'no', status: 403, detail: 'No.' },
    ],
    [
      'a policy that throws',
      () => bearing('aa-auth+jwt'),
      { policy: () => JSON.parse('{') },
      { code: 'server_error', status: 500 },
    ],
  ])('refuses nothing: %s', async (_name, request, more, observed) => {
    const [outcome] = await observe(await request(), more)
    expect(outcome).toMatchObject({ served: true, caller: undefined, observed })
  })

  it('is said by the server, and unsaid by router or route', async () => {
    const server = testResource({ observe: true })
    const code = async (
      requirement: Requirement,
      from = server as Pick<typeof server, 'require'>,
    ): Promise<string> => inShort(await from.require(requirement).check(nobody))
    expect(await code('agent')).toBe('served nobody')
    expect(await code({ identity: 'agent', observe: false })).toBe('401 agent-token')
    expect(await code('agent', server.with({ observe: false }))).toBe('401 agent-token')
    expect(await code('agent', testResource().with({ observe: true }).with({}))).toBe('served nobody')
  })

  it('lets the other way in decide alone', async () => {
    const [outcome] = await observe(await bearing('aa-auth+jwt'), { or: () => {} })
    expect(outcome).toMatchObject({
      served: false,
      or: true,
      observed: { code: 'served', status: 200, caller: { kind: 'grant' } },
    })
  })
})

describe('the share of keys that is enforced', () => {
  const enforce = { percent: 30, by: 'key' } as const

  it.each<[string, object]>([
    ['above 100', { observe: true, enforce: { percent: 101, by: 'key' } }],
    ['below 0', { observe: true, enforce: { percent: -1, by: 'key' } }],
    ['no number', { observe: true, enforce: { percent: Number.NaN, by: 'key' } }],
    ['by something else', { observe: true, enforce: { percent: 1, by: 'ip' } }],
    ['by nothing', { observe: true, enforce: { percent: 1 } }],
    ['of more', { observe: true, enforce: { ...enforce, more: 1 } }],
    ['without observing', { enforce }],
    ['beside enforcing', { observe: false, enforce }],
  ])('has to make sense, wherever it is said: %s', (_name, terms) => {
    expect(() => testResource(terms)).toThrow(/^option enforce/)
    expect(() => testResource().with(terms)).toThrow(/^with: enforce/)
    expect(() => testResource().require({ identity: 'agent', ...terms } as Requirement)).toThrow(
      /^require: enforce/,
    )
  })

  it('is said by the server, and otherwise by router or route, and holds for routes that observe', async () => {
    const server = testResource({ observe: true, enforce: { percent: 100, by: 'key' } })
    const code = async (
      requirement: Requirement,
      from: Pick<typeof server, 'require'> = server,
    ): Promise<string> => inShort(await from.require(requirement).check(nobody))
    expect(await code('agent')).toBe('401 agent-token')
    expect(await code({ identity: 'agent', enforce: { percent: 0, by: 'key' } })).toBe('served nobody')
    expect(await code('agent', server.with({ enforce: { percent: 0, by: 'key' } }))).toBe('served nobody')
    expect(await code('agent', server.with({ observe: false }))).toBe('401 agent-token')
    expect(await code({ identity: 'agent', observe: false })).toBe('401 agent-token')
  })

  it('grows: whoever is enforced at one figure is at every higher one', async () => {
    const request = await signed(await token('aa-agent+jwt'))
    const found: boolean[] = []
    for (let percent = 0; percent <= 100; percent += 5) {
      const route = testResource().require({
        scope: 'data.read',
        observe: true,
        enforce: { percent, by: 'key' },
      })
      found.push((await route.check(request)).served)
    }
    expect(found).toEqual([...found].sort((a, b) => Number(b) - Number(a)))
    expect([found[0], found.at(-1)]).toEqual([true, false])
  })

  it('is told in the report, and a route that is enforced for everybody is not in it', async () => {
    const server = testResource()
    const terms = { scope: 'data.read', observe: true } as const
    const view = { params: {}, raw: undefined, route: '/data/:id' }
    await server.require(terms).check(await signed(await token('aa-agent+jwt')), view)
    await server
      .require({ ...terms, enforce: { percent: 100, by: 'key' } })
      .check(await signed(await token('aa-auth+jwt')), view)
    await server.require({ ...terms, enforce: { percent: 100, by: 'key' } }).check(nobody)
    await server.require({ ...terms, or: () => {} } as unknown as Requirement).check(nobody)
    await server.require('agent').check(nobody)
    const { rows } = await server.report()
    expect(rows).toHaveLength(3)
    expect(rows).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          route: '/data/:id',
          code: 'person-token',
          enforced: false,
          issuer: 'https://ap.example',
          agent: 'aauth:sam@ap.example',
          example: expect.stringMatching(/^[\w-]{43}$/),
        }),
        expect.objectContaining({
          code: 'served',
          status: 200,
          enforced: true,
          issuer: 'https://ps.example',
          agent: expect.stringMatching(/^jkt:/),
        }),
        expect.objectContaining({ route: '', code: 'person-token', status: 401, enforced: true }),
      ]),
    )
    expect(JSON.stringify(rows)).not.toContain('mom-at-rs')
  })
})

describe('a router', () => {
  it('shares everything with its server', () => {
    const server = testResource()
    const { require: _, with: __, ...shared } = server.with({})
    expect(server).toMatchObject(shared)
  })

  it.each([[{ policy: 'no' }], [{ policy: [1] }]])('has to make sense: %o', (defaults) => {
    expect(() => testResource().with(defaults as never)).toThrow(TypeError)
    expect(() => testResource(defaults as never)).toThrow('option policy')
  })
})

import { describe, expect, it } from 'vitest'
import type { Requirement } from '../access/requirement.js'
import type { Answer } from '../http/message.js'
import type { ResourceOptions } from '../server/resource-options.js'
import { createResourceServer } from '../server/resource-server.js'
import { newJwks } from '../testing/jwk.js'
import { testKeyEd25519 } from '../testing/vectors.js'

const resource = 'https://rs.example'
const scopes = { 'data.read': 'Read *your* data', 'data.write': 'Change it' }
const es256 = newJwks('ES256').privateJwk
const full: ResourceOptions = { resource, signingKeys: [testKeyEd25519], scopes }

async function get(options: ResourceOptions, target: string): Promise<Answer | undefined> {
  const server = createResourceServer(options)
  try {
    return await server.handle({ method: 'GET', target, rawHeaders: ['Host', 'rs.example'] })
  } finally {
    server.close()
  }
}
const metadata = async (options: ResourceOptions): Promise<Record<string, unknown>> =>
  JSON.parse(((await get(options, '/.well-known/aauth-resource.json')) as Answer).body)

describe('the metadata document', () => {
  it.each<[readonly Requirement[], string | undefined]>([
    [[], 'auth-token'],
    [['agent'], undefined],
    [[{ identity: 'any', optional: true }], undefined],
    [['person', 'agent'], 'person-token'],
    [['agent', { session: true }], 'session-token'],
    [[{ session: true }, 'person'], 'person-token'],
    [['person', { scope: 'data.read' }, { session: { scope: 'data.read' } }], 'auth-token'],
    [[{ claims: { email: true } }, 'agent'], 'auth-token'],
  ])('says what the most demanding of the routes needs, %j: %s (R-005, R-006)', async (routes, mode) => {
    const server = createResourceServer({ ...full, interaction: { login: () => 'mom' } })
    const asked = async (): Promise<unknown> => {
      const rawHeaders = ['Host', 'rs.example']
      const target = '/.well-known/aauth-resource.json'
      const answer = (await server.handle({ method: 'GET', target, rawHeaders })) as Answer
      return JSON.parse(answer.body).access_mode
    }
    for (const route of routes) {
      await asked()
      server.with({}).require(route)
    }
    expect(await asked()).toBe(mode)
    server.close()
  })

  it('says what the option says, whatever the routes need (R-005)', async () => {
    for (const accessMode of ['agent-token', 'session-token'] as const) {
      const server = createResourceServer({ ...full, accessMode })
      server.require({ scope: 'data.read' })
      const answer = (await server.handle({
        method: 'GET',
        target: '/.well-known/aauth-resource.json',
        rawHeaders: ['Host', 'rs.example'],
      })) as Answer
      expect(JSON.parse(answer.body).access_mode).toBe(accessMode)
      server.close()
    }
  })

  it('is at its place, as JSON, and begins with the identifier (R-001, R-002)', async () => {
    const answer = await get(full, '/.well-known/aauth-resource.json')
    expect(answer).toMatchObject({ status: 200, headers: { 'Content-Type': 'application/json' } })
    expect((await metadata(full))['issuer']).toBe(resource)
  })

  it('has a jwks_uri where something is signed, and none where nothing is (R-003, R-021)', async () => {
    expect((await metadata(full))['jwks_uri']).toBe(`${resource}/.well-known/jwks.json`)
    expect(await metadata({ resource })).not.toHaveProperty('jwks_uri')
    expect(await get({ resource }, '/.well-known/jwks.json')).toBeUndefined()
  })

  it('says what an agent needs for its first call, as it is enforced (R-005, R-007, R-010, R-011, R-013)', async () => {
    expect(await metadata(full)).toMatchObject({
      access_mode: 'auth-token',
      signature_window: 60,
      accept_signature_algs: ['Ed25519', 'ES256'],
    })
    expect(await metadata({ resource })).not.toHaveProperty('access_mode')
    const options = { ...full, accessMode: 'person-token', signatureWindow: 30 } as const
    const more = await metadata({ ...options, additionalSignatureComponents: ['@query', 'content-digest'] })
    expect(more).toMatchObject({
      access_mode: 'person-token',
      signature_window: 30,
      additional_signature_components: ['@query', 'content-digest'],
    })
  })

  it('describes every scope (R-009)', async () => {
    expect((await metadata(full))['scope_descriptions']).toEqual(scopes)
  })

  it('has display fields where they are given, with https URLs only (R-014, R-021)', async () => {
    const display = { name: 'Shop', description: '**Bread**', logoUri: 'https://rs.example/logo.svg' }
    expect(await metadata({ ...full, display })).toMatchObject({
      name: 'Shop',
      description: '**Bread**',
      logo_uri: 'https://rs.example/logo.svg',
    })
    expect(() => createResourceServer({ ...full, display: { tosUri: 'http://rs.example/tos' } })).toThrow(
      /tosUri/,
    )
  })

  it('has the draft’s member names, none of another document, and none that is gone (R-015, R-022)', async () => {
    const known =
      /^(issuer|jwks_uri|access_mode|name|description|logo_uri|logo_dark_uri|documentation_uri|tos_uri|policy_uri|scope_descriptions|signature_window|additional_signature_components|accept_signature_algs|revocation_endpoint|authorization_endpoint)$/
    const names = Object.keys(await metadata({ ...full, display: { name: 'Shop' } }))
    expect(names.filter((name) => !known.test(name))).toEqual([])
  })

  it('names only endpoints that are there, https without query and fragment (R-008, R-021, HC-94)', async () => {
    const server = createResourceServer(full)
    const paths = server.endpoints.map((endpoint) => `${resource}${endpoint.path}`)
    server.close()
    const urls = Object.entries(await metadata(full)).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
    for (const [, url] of urls) {
      expect(url).toMatch(/^https:\/\/rs\.example\/[^?#]*$/)
      expect(paths).toContain(url)
    }
  })
})

describe('the key set', () => {
  it('has every signing key with alg and kid, and no private member (R-004)', async () => {
    const keys = [testKeyEd25519, { ...es256, kid: 'next' }]
    const answer = await get({ ...full, signingKeys: keys }, '/.well-known/jwks.json')
    const published = JSON.parse((answer as Answer).body).keys
    expect(published).toEqual([
      { kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519', kid: 'test-key-ed25519', x: testKeyEd25519.x },
      { kty: 'EC', crv: 'P-256', alg: 'ES256', kid: 'next', x: expect.any(String), y: expect.any(String) },
    ])
  })

  it.each(['EdDSA', 'none', 'HS256', undefined])(
    'never has a key with alg %s: it is refused at start (R-004)',
    (alg) => {
      expect(() => createResourceServer({ ...full, signingKeys: [{ ...testKeyEd25519, alg }] })).toThrow(
        /signingKeys/,
      )
    },
  )

  it('never has a symmetric key (R-004)', () => {
    const oct = { kty: 'oct', k: 'AAAA', alg: 'HS256' }
    expect(() => createResourceServer({ ...full, signingKeys: [oct] })).toThrow(/signingKeys/)
  })
})

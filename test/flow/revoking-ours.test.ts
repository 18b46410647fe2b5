import { type AAuthEvent, createResourceServer } from '@countersign/core'
import type { IssuedResourceToken } from '@countersign/core/adapter'
import { createTown, readRequirement, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'

const accessServer = 'https://as.example'

describe.each(adapters)('a resource token that we take back [adapter %s]', (adapter) => {
  let town: Town
  let target: RunningTarget
  const events: AAuthEvent[] = []
  const start = async (options: Parameters<typeof startTarget>[2] = {}): Promise<void> => {
    const onEvent = (event: AAuthEvent): void => void events.push(event)
    target = await startTarget(adapter, 0, { fetch: town.fetch, clock: town.clock, onEvent, ...options })
    town.route('rs.example', target.port)
  }
  beforeEach(async () => {
    events.length = 0
    town = await createTown()
  })
  afterEach(async () => {
    await target.close()
    await town.close()
  })

  /** The challenge for a grant, and what the event says of its resource token. */
  const challenge = async () => {
    const mom = town.person('mom')
    const sam = town.agent('sam', { person: mom })
    const token = await town.ps.mintPersonToken({ person: mom, resource, cnf: sam.key.cnf })
    const answer = await sam.request({ url: `${resource}/data` }, { token })
    const jwt = readRequirement(answer)?.parameters['resource-token']
    const issued = events.find(({ name }) => name === 'resource-token') as unknown as IssuedResourceToken
    return { sam, token, jwt, issued }
  }
  const posts = (): string[] =>
    town.ledger
      .filter(({ method, url }) => method === 'POST' && url.endsWith('/revoke'))
      .map(({ url, status }) => `${url} ${status}`)

  it('three-party: the person server is told, signed in our own right (R-278, R-279, R-280, R-281, R-282)', async () => {
    await start()
    const { issued } = await challenge()
    expect(await target.aauth.revokeResourceToken(issued)).toEqual([
      { server: 'https://ps.example', outcome: 'recorded' },
    ])
    // The town's server has verified the signature, what it covers and the body.
    expect(posts()).toEqual(['https://ps.example/revoke 200'])
    expect(town.ps.server.isRevoked(resource, issued.jti)).toBe(true)
    expect(events.at(-1)).toEqual({
      at: expect.any(Number),
      name: 'revocation-sent',
      server: 'https://ps.example',
      jti: issued.jti,
      outcome: 'recorded',
    })
  })

  it('four-party: the access server and the person server are told (R-278, R-279)', async () => {
    const access = await town.openAccessServer(accessServer)
    await start({ accessServer })
    const { issued } = await challenge()
    expect(issued).toMatchObject({ aud: accessServer, ps: 'https://ps.example' })
    const sent = await target.aauth.revokeResourceToken(issued)
    expect(sent.map(({ outcome }) => outcome)).toEqual(['recorded', 'recorded'])
    expect(posts().sort()).toEqual(['https://as.example/revoke 200', 'https://ps.example/revoke 200'])
    expect(access.server.isRevoked(resource, issued.jti)).toBe(true)
  })

  it.each([
    [
      'nothing is published',
      { '/.well-known/aauth-person.json': { revocation_endpoint: undefined } },
      'unsupported',
    ],
    [
      'what is published has a query (G-57, R-028)',
      { '/.well-known/aauth-person.json': { revocation_endpoint: 'https://ps.example/revoke?x=1' } },
      'unavailable',
    ],
    [
      'what is published is plain http (R-028)',
      { '/.well-known/aauth-person.json': { revocation_endpoint: 'http://ps.example/revoke' } },
      'unavailable',
    ],
    ['content that is no JSON (R-282)', { '/revoke': [200, 'OK'] }, 'unavailable'],
    ['content that is no object (R-282)', { '/revoke': [200, '[]'] }, 'unavailable'],
    ['content that is an object (R-282)', { '/revoke': [200, '{}'] }, 'recorded'],
    ['more content than is read', { '/revoke': [200, `{"x":"${'x'.repeat(20_000)}"}`] }, 'unavailable'],
    ['a 202 (R-283)', { '/revoke': [202, ''] }, 'pending'],
    ['a refusal', { '/revoke': [403, '{"error":"unsupported_iss"}'] }, 'unsupported'],
    ['a failure', { '/revoke': [500, ''] }, 'unavailable'],
    ['a redirect', { '/revoke': [307, ''] }, 'unavailable'],
  ] as const)('a person server that answers otherwise: %s', async (_, answers, outcome) => {
    const { server } = town.ps
    server.intercept(({ path }) => {
      const given = (answers as Readonly<Record<string, unknown>>)[path]
      if (given === undefined) return undefined
      if (Array.isArray(given)) return { status: given[0], headers: {}, body: given[1] }
      const metadata = { issuer: server.id, jwks_uri: `${server.id}/jwks.json`, ...(given as object) }
      return { status: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(metadata) }
    })
    await start()
    const { issued } = await challenge()
    const [sent] = await target.aauth.revokeResourceToken(issued)
    expect(sent?.outcome).toBe(outcome)
    expect(sent?.reason !== undefined || ['recorded', 'pending'].includes(outcome)).toBe(true)
  })

  it.each([
    ['no jti', { jti: undefined }, 'revokeResourceToken: jti: '],
    ['an empty jti', { jti: '' }, 'revokeResourceToken: jti: '],
    ['no exp', { exp: undefined }, 'revokeResourceToken: exp: '],
    ['an exp that is a text', { exp: '2026' }, 'revokeResourceToken: exp: '],
    ['no aud', { aud: undefined }, 'revokeResourceToken: aud: '],
    ['a ps that is no server identifier', { ps: 'http://ps.example' }, 'revokeResourceToken: ps: '],
  ])('what no event has is refused, and nobody is asked: %s', async (_, members, message) => {
    await start()
    const { issued } = await challenge()
    const given = { ...issued, ...members } as unknown as IssuedResourceToken
    await expect(target.aauth.revokeResourceToken(given)).rejects.toThrow(TypeError)
    await expect(target.aauth.revokeResourceToken(given)).rejects.toThrow(message)
    expect(posts()).toEqual([])
    expect(events.some(({ name }) => name === 'revocation-sent')).toBe(false)
  })

  it('a person server that is down is told later, as often as one likes (R-282)', async () => {
    await start()
    const { issued } = await challenge()
    town.ps.server.intercept(() => ({ status: 503, headers: {}, body: '' }))
    expect(await target.aauth.revokeResourceToken(issued)).toMatchObject([{ outcome: 'unavailable' }])
    town.ps.server.intercept(undefined)
    expect(await target.aauth.revokeResourceToken(issued)).toMatchObject([{ outcome: 'recorded' }])
    expect(await target.aauth.revokeResourceToken(issued)).toMatchObject([{ outcome: 'recorded' }])
  })
})

describe('without a key', () => {
  it('there is nothing to take back', async () => {
    const server = createResourceServer({ resource })
    const token = { jti: 'a', exp: 1, aud: 'https://ps.example', ps: 'https://ps.example' }
    await expect(server.revokeResourceToken(token)).rejects.toThrow(TypeError)
    server.close()
  })
})

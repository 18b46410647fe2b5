import type { AAuthEvent } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alter, type RawResponse, World } from '../hostile/harness.js'
import { adapters, resource } from '../target/start.js'

describe.each(adapters)('what is told to nobody [adapter %s]', (adapter) => {
  let world: World
  const events: AAuthEvent[] = []
  beforeEach(async () => {
    events.length = 0
    world = await World.open(adapter, { onEvent: (event) => events.push(event) })
  })
  afterEach(() => world.close())

  /** Everything a request may meet: served, challenged, refused at each step, revoked. */
  async function walk(): Promise<{ secrets: string[]; answers: RawResponse[] }> {
    const grant = await world.grant({ claims: { email: 'mom@mail.example' } })
    const person = await world.person()
    const expired = await world.grant({ claims: { exp: world.now - 1, iat: world.now - 9 } })
    const gone = await world.grant({ claims: { jti: 'gone' } })
    await world.target.aauth.revocations.record({
      iss: 'https://ps.example',
      jti: 'gone',
      exp: world.now + 60,
    })
    const honest = await world.compose({ token: grant })
    const requests = [
      honest,
      await world.compose({ token: person }),
      await world.compose({ token: expired }),
      await world.compose({ token: gone }),
      await world.compose({ token: grant, target: '/agent' }),
      await world.compose({ token: grant, parameters: ';created=1' }),
      alter(honest, 'signature', () => `sig=:${Buffer.alloc(64, 3).toString('base64')}:`),
      alter(honest, 'signature-key', (value) => value.replace('jwt;', 'hwk;')),
    ]
    const answers: RawResponse[] = []
    for (const request of requests) answers.push(await world.send(request))
    const signatures = honest.headers.filter(([name]) => name === 'Signature').map(([, value]) => value)
    const sub = world.town.ps.subjectOf(world.mom, resource)
    return { secrets: [grant, person, expired, gone, sub, 'mom@mail.example', ...signatures], answers }
  }

  it('logs no token, no signature, no sub and no claim (R-333, R-341, K-150)', async () => {
    const { secrets } = await walk()
    const log = JSON.stringify(events)
    expect(events.length).toBeGreaterThanOrEqual(8)
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([])
  })

  it('answers with none of them, nor with a thumbprint outside a resource token (R-333, R-337)', async () => {
    const { secrets, answers } = await walk()
    const text = answers
      .slice(1)
      .map(({ headers, body }) => JSON.stringify([...headers]) + body)
      .join('\n')
    expect([...secrets, world.key.jkt].filter((secret) => text.includes(secret))).toEqual([])
  })

  it('tells issuers no more than that somebody verifies (R-339, R-089)', async () => {
    await walk()
    const urls = new Set(world.fetched)
    expect(
      [...urls].every((url) =>
        /^https:\/\/ps\.example\/(?:\.well-known\/aauth-person\.json|jwks\.json)$/.test(url),
      ),
    ).toBe(true)
    const fetched = world.fetched.length
    await walk()
    expect(world.fetched.length).toBe(fetched)
  })
})

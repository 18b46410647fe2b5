import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../http/message.js'
import { newKey, now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import type { Answered } from './outcome.js'

const unsigned: HttpRequest = { method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] }
const withSignature = async (value: string): Promise<HttpRequest> => {
  const request = await signed(await token('aa-auth+jwt'))
  return {
    ...request,
    rawHeaders: request.rawHeaders.with(request.rawHeaders.indexOf('Signature') + 1, value),
  }
}
const stale = async (): Promise<HttpRequest> =>
  signed(await token('aa-auth+jwt', { jti: String(Math.random()) }), { created: now - 3600 })
const tooNew = async (): Promise<HttpRequest> => signed(await token('aa-auth+jwt'), { created: now + 3600 })
const ofAnother = async (): Promise<HttpRequest> =>
  withSignature(`sig=:${Buffer.alloc(64, 7).toString('base64')}:`)

const withKid = async (kid: string): Promise<HttpRequest> =>
  signed(await token('aa-auth+jwt', { jti: String(Math.random()) }, newKey('Ed25519', kid)))
const ofIssuer = async (iss: string): Promise<HttpRequest> =>
  signed(await token('aa-agent+jwt', { iss, sub: `aauth:sam@${iss.slice(8)}` }))
const withNumberAsJti = async (): Promise<HttpRequest> => signed(await token('aa-agent+jwt', { jti: 7 }))

/** Requests that strangers can send without limit, and that must cost little. */
const cases: readonly (readonly [string, () => HttpRequest | Promise<HttpRequest>])[] = [
  ['unsigned', () => unsigned],
  ['malformed', () => withSignature('sig=:AAAA:')],
  ['in base64url', () => withSignature(`sig=:${'-_'.repeat(43)}==:`)],
  ['too long', () => withSignature(`sig=:${'A'.repeat(4096)}:`)],
  ['stale', stale],
  ['of the future', tooNew],
  ['a signature that does not verify', ofAnother],
  ['a kid that the issuer does not have', () => withKid('gone')],
]

describe('the answer to strangers', () => {
  for (const [name, make] of cases) {
    it(`is made once: ${name}`, async () => {
      const server = testResource()
      const route = server.require({ scope: 'data.read' })
      const first = await route.check(await make())
      const second = await route.check(await make())
      expect(first.served).toBe(false)
      expect(second).toBe(first)
      expect(Object.isFrozen(first)).toBe(true)
    })
  }

  it('is made once with Retry-After, whichever issuer cannot be reached', async () => {
    const server = testResource({ fetch: () => Promise.reject(new Error('nobody is there')) })
    const route = server.require('agent')
    const answerTo = async (issuer: string) => {
      const outcome = await route.check(await ofIssuer(issuer))
      return outcome.served ? undefined : outcome.answer
    }
    const first = await answerTo('https://one.example')
    expect(first).toMatchObject({ status: 503, headers: { 'Retry-After': expect.stringMatching(/^\d+$/) } })
    expect(Object.isFrozen(first)).toBe(true)
    // The pauses of issuers differ a little.
    const again = await answerTo('https://one.example')
    expect(await answerTo('https://one.example')).toBe(again)
  })

  it('is not remembered if it is made for one request only', async () => {
    const route = testResource().require('agent')
    const first = await route.check(await withNumberAsJti())
    const second = await route.check(await withNumberAsJti())
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
    expect(Object.isFrozen(first)).toBe(false)
    expect((second as Answered).answer).toBe((first as Answered).answer)
  })

  it('is reported each time, with its own time and id', async () => {
    const server = testResource()
    const route = server.require({ scope: 'data.read' })
    await route.check(await stale())
    await route.check(await stale())
    const [one, other] = server.decisions
    expect(one).toMatchObject({ outcome: 'refused', code: 'invalid_signature', family: 'caller' })
    expect(one?.id).not.toBe(other?.id)
    expect(server.events).toHaveLength(2)
    expect(server.events[0]).toEqual(server.events[1])
    expect(server.events[0]).not.toBe(server.events[1])
  })

  it('is separate for each server, with its own help', async () => {
    const here = testResource({ help: 'https://docs.example/errors' })
    const there = testResource({ help: false })
    const body = async (server: typeof here) => {
      const outcome = await server.require({ scope: 'data.read' }).check(await stale())
      return outcome.served ? undefined : (JSON.parse(outcome.answer.body) as { help?: string })
    }
    for (let time = 0; time < 2; time++) {
      expect((await body(here))?.help).toBe('https://docs.example/errors#invalid_signature')
      expect((await body(there))?.help).toBeUndefined()
    }
  })

  it('can be logged with its route, and by the log of the request', async () => {
    const lines: object[] = []
    const log = { error: () => {}, warn: () => {}, debug: (details: object) => void lines.push(details) }
    const route = testResource({ onEvent: () => {} }).require({ scope: 'data.read' })
    await route.check(await stale(), { params: {}, raw: undefined, route: '/data', log })
    await route.check(unsigned, { params: {}, raw: undefined, route: '/other', log })
    await route.check(unsigned)
    expect(lines).toMatchObject([
      { code: 'invalid_signature', route: '/data' },
      { code: 'person-token', route: '/other' },
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { now } from '../testing/party.js'
import { testResource } from '../testing/resource.js'

const server = testResource()
const jkt = 'k'.repeat(43)
const token = { iss: 'https://ps.example', jti: 'token-1', iat: now, exp: now + 60 }
const order = { uses: ['denial'], seconds: 60, reason: 'a test', by: 'the test' }

describe('what an operator calls', () => {
  it.each<[string, (given: never) => unknown, unknown, RegExp]>([
    ['denials.find', server.denials.find, undefined, /^denials\.find: must be called with a caller/],
    ['denials.find', server.denials.find, {}, /^denials\.find: kind: must be agent/],
    ['denials.find', server.denials.find, { kind: 'session', by: {} }, /caller\.by/],
    ['denials.find', server.denials.find, { kind: 'agent', jkt }, /^denials\.find: token/],
    ['revocations.has', server.revocations.has, undefined, /^revocations\.has/],
    ['revocations.has', server.revocations.has, { jti: 'token-1' }, /^revocations\.has: iss: must be/],
    ['revocations.record', server.revocations.record, undefined, /record: must be called with \{ iss, jti/],
    ['revocations.record', server.revocations.record, {}, /^revocations\.record: iss: must be a server/],
    [
      'revocations.record',
      server.revocations.record,
      { ...token, iss: 'ps.example' },
      /iss: must be a server/,
    ],
    ['revocations.record', server.revocations.record, { ...token, jti: '' }, /^revocations\.record: jti/],
    [
      'revocations.record',
      server.revocations.record,
      { ...token, exp: '9' },
      /record: exp: must be a number/,
    ],
    ['revocations.record', server.revocations.record, { ...token, exp: Number.NaN }, /record: exp/],
    ['breakGlass.open', server.breakGlass.open, undefined, /^breakGlass\.open: must be called with \{ uses/],
    ['breakGlass.open', server.breakGlass.open, {}, /^breakGlass\.open: uses: must name some of/],
    ['breakGlass.open', server.breakGlass.open, { ...order, uses: [] }, /uses: must name some/],
    ['breakGlass.open', server.breakGlass.open, { ...order, uses: ['denials'] }, /uses\.0: must name some/],
    ['breakGlass.open', server.breakGlass.open, { ...order, seconds: 3601 }, /seconds: must be a whole/],
    ['breakGlass.open', server.breakGlass.open, { ...order, by: ' ' }, /by: must be a text/],
    [
      'breakGlass.open',
      server.breakGlass.open,
      { ...order, secnds: 1 },
      /secnds: is not known; did you mean/,
    ],
    ['sessions.end', server.sessions.end, undefined, /^sessions\.end: must name one user/],
    ['sessions.end', server.sessions.end, { usr: 'mom' }, /^sessions\.end: must name one user/],
  ])('%s(%o)', async (_name, call, given, message) => {
    const failure = await new Promise((resolve) => resolve(call(given as never))).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(TypeError)
    expect((failure as Error).message).toMatch(message)
    expect(server.breakGlass.current()).toBe(undefined)
  })

  it('does what it is asked where it is asked rightly', async () => {
    await server.revocations.record(token)
    expect(await server.revocations.has({ iss: token.iss, jti: token.jti })).toBe(true)
    await server.denials.add({ subject: { key: jkt } })
    const agent = { kind: 'agent', agent: 'aauth:sam@ap.example', provider: 'https://ap.example', jkt, token }
    expect(await server.denials.find(agent as never)).toBe('key')
  })
})

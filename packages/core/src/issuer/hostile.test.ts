import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { KeyFault } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000 })

const host = 'ps.example'
const issuer = `https://${host}`
const good = publicJwk('k1')

const member = fc.constantFrom('kty', 'crv', 'x', 'y', 'alg', 'kid', 'use', 'key_ops', 'd', '__proto__', 'n')
const jwk = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(member, fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(good)))),
  fc.tuple(member, fc.jsonValue()).map(([name, value]) => ({ ...good, [name]: value })),
)
const uri = fc.oneof(
  fc.constantFrom(
    `${issuer}/jwks`,
    'https://127.0.0.1/',
    'https://evil.example/',
    'https://ps.example@evil.example/',
  ),
  fc.webUrl(),
  fc.string().map((path) => `${issuer}/${path}`),
  fc.string().map((path) => `${issuer}${path}`),
  fc.jsonValue(),
)
const document = fc.oneof(
  fc.jsonValue(),
  fc.record({ issuer: fc.constant(issuer), jwks_uri: uri }),
  fc.record({ keys: fc.oneof(fc.jsonValue(), fc.array(jwk, { maxLength: 5 })) }),
  fc.record({ issuer: fc.constant(issuer), jwks_uri: uri, keys: fc.array(jwk, { maxLength: 3 }) }),
)
const header = fc.tuple(
  fc.constantFrom('cache-control', 'expires', 'age', 'date', 'content-type', 'content-length', 'retry-after'),
  fc.oneof(
    fc.string({ unit: 'grapheme-ascii' }),
    fc.constantFrom('max-age=99', 'no-store', '0', 'application/json'),
  ),
)
const reply = fc.record({
  status: fc.constantFrom(200, 200, 200, 200, 204, 301, 404, 429, 500),
  text: fc.oneof(
    document.map((value) => JSON.stringify(value)),
    fc.string(),
  ),
  headers: fc.array(header, { maxLength: 3 }),
})

function respond({
  status,
  text,
  headers,
}: {
  status: number
  text: string
  headers: [string, string][]
}): Response {
  const response = new Response(status === 204 ? null : text, { status })
  response.headers.set('content-type', 'application/json')
  for (const [name, value] of headers) response.headers.set(name, value)
  return response
}

it('survives whatever an issuer answers, and goes nowhere else for it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(reply, { minLength: 1, maxLength: 8 }), async (replies) => {
      const town = new FakeTown()
      let asked = 0
      town.behave(host, () => respond(replies[asked++ % replies.length] as (typeof replies)[number]))
      for (let minute = 0; minute < 6; minute++) {
        const [key, metadata] = [await town.find(host), await town.keys.metadata(issuer, person)]
        expect(key instanceof KeyFault || key instanceof Refusal || 'jkt' in key).toBe(true)
        expect(metadata instanceof Refusal || metadata.issuer === issuer).toBe(true)
        if ('jkt' in key) await town.keys.refind(town.query(host), key)
        await town.find(host, 'k2')
        town.pass(400)
        await town.settle()
      }
      expect(town.fetches.every((url) => new URL(url).host === host)).toBe(true)
      expect(town.fetches.length).toBeLessThanOrEqual(6 * 4)
      expect(town.keys.inspect().issuers).toHaveLength(1)
    }),
    { numRuns: 150 },
  )
})

it('finds the good key beside whatever else is in the set', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(jwk, { maxLength: 20 }), fc.nat(20), async (others, at) => {
      const strangers = others.filter((one) => (one as { kid?: unknown } | null)?.kid !== 'k1')
      const town = new FakeTown()
      town.publish(host, [...strangers.slice(0, at), good, ...strangers.slice(at)] as object[])
      expect(await town.find(host)).toHaveProperty('jkt')
    }),
  )
})

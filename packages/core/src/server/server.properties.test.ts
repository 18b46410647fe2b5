import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { AAuthEvent } from '../events.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { type SignOptions, signRequest } from '../signature/sign.js'
import { dictionaryLike, hostileText, soundInput, soundKey } from '../testing/arbitraries.js'
import { agentKey, issuerKey, now, token } from '../testing/party.js'
import { createResourceServer } from './resource-server.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const events: AAuthEvent[] = []
const { privateKey } = generateKeyPairSync('ed25519')
const server = createResourceServer({
  resource: 'https://rs.example',
  signingKeys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }],
  scopes: { 'data.read': 'Read the data', 'data.write': 'Change the data' },
  issuers: {
    pinned: ['aauth-agent.json', 'aauth-person.json'].map((dwk) => ({
      issuer: dwk === 'aauth-agent.json' ? 'https://ap.example' : 'https://ps.example',
      dwk,
      jwks: { keys: [issuerKey.publicJwk] },
    })),
  },
  // Whoever is not pinned cannot be reached.
  fetch: async () => {
    throw new TypeError('no network')
  },
  clock: () => now * 1000,
  onEvent: (event) => events.push(event),
})
const guards = [
  server.require('agent'),
  server.require('person'),
  server.require({ scope: ['data.read', 'data.write'], components: ['content-digest'] }),
]
const paths = server.endpoints.flatMap(({ path, prefix }) =>
  prefix === true ? [path, `${path}x`, `${path}constructor`] : [path],
)

/** The answer of whichever part of the server the number names; `undefined` where there is none, or where it served. */
async function answer(sent: HttpRequest, at: number): Promise<Answer | undefined> {
  const guard = guards[at % (guards.length + 1)]
  if (guard === undefined) return server.handle(sent)
  const outcome = await guard.check(sent)
  return outcome.served ? undefined : outcome.answer
}

function expectDefined(given: Answer | undefined): void {
  expect(events.filter((event) => event.name === 'refused' && event.family === 'ours')).toEqual([])
  events.length = 0
  if (given === undefined) return
  expect(given.status).toBeLessThan(500)
  // What a stranger sent never breaks out of a field (KN-143).
  for (const value of Object.values(given.headers)) expect(value).toMatch(/^[\x20-\x7e]*$/)
  if (given.headers['Content-Type']?.includes('json')) JSON.parse(given.body)
}

const names = [
  'Authorization',
  'AAuth-Capabilities',
  'Prefer',
  'Content-Digest',
  'Content-Type',
  'Accept',
  'Cookie',
  'X-Forwarded-Host',
  'X-Forwarded-Prefix',
  'X-Original-URI',
  'Content-Length',
  'Idempotency-Key',
]
const line = fc.tuple(
  fc.constantFrom(...names),
  fc.oneof(
    dictionaryLike,
    hostileText,
    hostileText.map((text) => `AAuth ${text}`),
    fc.constantFrom('application/json', 'interaction, clarification', 'wait=10'),
  ),
)
const lines = fc.array(line, { maxLength: 4 }).map((list) => list.flat())
const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc
    .dictionary(
      fc.constantFrom(
        'jti',
        'exp',
        'iss',
        'scope',
        'account',
        'login_hint',
        'capabilities',
        'status',
        'action',
        'clarification_response',
        '__proto__',
        'constructor',
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), hostileText, fc.constantFrom('data.read', 'token-1', now + 60)),
    )
    .map((value) => Buffer.from(JSON.stringify(value))),
)
const method = fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH')
const target = fc.oneof(
  fc.constantFrom(...paths, '/data'),
  fc.tuple(fc.constantFrom(...paths), hostileText).map(([path, query]) => `${path}?${query}`),
  hostileText.map((text) => `/${text}`),
)
const withBody = (sent: Omit<HttpRequest, 'body'>, bytes: Uint8Array): HttpRequest => ({
  ...sent,
  body: async (limit) => (bytes.length > limit ? 'too-large' : bytes),
})

describe('whatever is sent, the server has a defined answer, and it is never a 500 [HC-29] [HC-93]', () => {
  it('to requests that nobody signed', async () => {
    const fields = fc.tuple(
      fc.oneof(soundInput, dictionaryLike),
      dictionaryLike,
      fc.oneof(soundKey, dictionaryLike),
    )
    await fc.assert(
      fc.asyncProperty(
        method,
        target,
        lines,
        fc.option(fields),
        content,
        fc.nat(7),
        async (method, target, more, fields, bytes, at) => {
          const signature =
            fields === null
              ? []
              : ['Signature-Input', fields[0], 'Signature', fields[1], 'Signature-Key', fields[2]]
          const rawHeaders = ['Host', 'rs.example', ...more, ...signature]
          expectDefined(await answer(withBody({ method, target, rawHeaders }, bytes), at))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('to requests that are signed well and say anything', async () => {
    const tokens = await Promise.all(
      (['aa-agent+jwt', 'aa-person+jwt', 'aa-auth+jwt'] as const).map((typ) => token(typ)),
    )
    const signers: Pick<SignOptions, 'key' | 'signatureKey'>[] = [
      ...tokens.map((jwt) => ({ key: agentKey, signatureKey: { scheme: 'jwt' as const, jwt } })),
      {
        key: issuerKey,
        signatureKey: {
          scheme: 'jwks_uri',
          id: 'https://ps.example',
          dwk: 'aauth-person.json',
          kid: issuerKey.kid,
        },
      },
    ]
    const statuses = new Set<number>()
    await fc.assert(
      fc.asyncProperty(
        method,
        target,
        lines,
        content,
        fc.nat(7),
        fc.constantFrom(...signers),
        async (method, target, more, bytes, at, signer) => {
          const rawHeaders = ['Host', 'rs.example', ...more]
          const present = more.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
          const components = ['@method', '@authority', '@path', 'signature-key', ...new Set(present)]
          const fields = await signRequest(
            { method, target, rawHeaders, authority: 'rs.example', scheme: 'https' },
            { ...signer, created: now, components },
          ).catch(() => undefined)
          // A value that is not ASCII cannot be signed.
          if (fields === undefined) return
          const sent = withBody(
            { method, target, rawHeaders: [...rawHeaders, ...Object.entries(fields).flat()] },
            bytes,
          )
          const given = await answer(sent, at)
          if (given !== undefined) statuses.add(given.status)
          expectDefined(given)
        },
      ),
      { numRuns: 500 },
    )
    expect(statuses.size).toBeGreaterThan(3)
  })
})

import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { parseDictionary, serializeDictionary } from 'structured-headers'
import { describe, expect, it, vi } from 'vitest'
import type { HttpRequest } from '../http/message.js'
import { createResourceServer } from '../server/resource-server.js'
import { baseComponents } from '../signature/required.js'
import { componentsOf, fieldLine, label, request } from '../testing/arbitraries.js'
import { agentKey, issuerKey, newKey, now, signed, token } from '../testing/party.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const issuers = ['aauth-agent.json', 'aauth-person.json'].map((dwk) => ({
  issuer: dwk === 'aauth-agent.json' ? 'https://ap.example' : 'https://ps.example',
  dwk,
  jwks: { keys: [issuerKey.publicJwk] },
}))
const { privateKey } = generateKeyPairSync('ed25519')
const server = createResourceServer({
  resource: 'https://rs.example',
  signingKeys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }],
  scopes: { 'data.read': 'Read the data' },
  issuers: { pinned: issuers },
  clock: () => now * 1000,
})
const guards = {
  'aa-agent+jwt': server.require('agent'),
  'aa-person+jwt': server.require('person'),
  'aa-auth+jwt': server.require({ scope: 'data.read' }),
}

const verdict = async (sent: HttpRequest, type: keyof typeof guards): Promise<string> => {
  const outcome = await guards[type].check(sent)
  return outcome.served ? outcome.caller.kind : outcome.code
}

const types = ['aa-agent+jwt', 'aa-person+jwt', 'aa-auth+jwt'] as const
const es256 = newKey('ES256')
const keys = [agentKey, es256]

/** A request signed by our own signer: any target, any fields, any coverage, any label, either algorithm. */
const signedRequest = fc
  .record({ request, label, type: fc.constantFrom(...types), key: fc.constantFrom(...keys) })
  .chain((parts) => componentsOf(parts.request).map((components) => ({ ...parts, components })))
type Parts = typeof signedRequest extends fc.Arbitrary<infer T> ? T : never

const sign = async ({ request, label, type, key, components }: Parts): Promise<HttpRequest> => {
  const { kid: _, ...jwk } = key.publicJwk
  const jwt = await token(type, { cnf: { jwk } })
  return signed(jwt, { key, label, components: [...baseComponents, ...components] }, request)
}

const fieldIndex = ({ rawHeaders }: HttpRequest, name: string): number => rawHeaders.indexOf(name) + 1
const withField = (sent: HttpRequest, name: string, change: (value: string) => string): HttpRequest => {
  const rawHeaders = [...sent.rawHeaders]
  const at = fieldIndex(sent, name)
  rawHeaders[at] = change(rawHeaders[at] as string)
  return { ...sent, rawHeaders }
}
const flip = (text: string, at: number, characters: string): string => {
  const index = at % text.length
  const other = characters[(characters.indexOf(text[index] as string) + 1) % characters.length] as string
  return `${text.slice(0, index)}${other}${text.slice(index + 1)}`
}
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Each changes one thing that the signature speaks for; `undefined` where the request has no such thing. */
const changes: Record<
  string,
  (sent: HttpRequest, parts: Parts, n: number, text: string) => HttpRequest | undefined
> = {
  method: (sent) => ({ ...sent, method: sent.method === 'PUT' ? 'GET' : `${sent.method}X` }),
  'a character of the path': (sent, _, n) => {
    const [path = '', ...query] = sent.target.split('?')
    const changed = path.length === 1 ? '/x' : `/${flip(path.slice(1), n, 'abcdef')}`
    return { ...sent, target: [changed, ...query].join('?') }
  },
  'a segment before the path': (sent) => ({ ...sent, target: `/x/..${sent.target}` }),
  'the query, where it is covered': (sent, { components }) =>
    components.some((name) => ['@query', '@target-uri', '@request-target'].includes(name))
      ? { ...sent, target: `${sent.target}${sent.target.includes('?') ? '&' : '?'}x` }
      : undefined,
  'a line more of a covered field': (sent, { components }, _, text) => {
    const name = components.find((component) => component.startsWith('x-'))
    return name === undefined ? undefined : { ...sent, rawHeaders: [...sent.rawHeaders, name, text] }
  },
  'a covered field': (sent, { components }, n) => {
    const name = components.find((component) => component.startsWith('x-'))
    const at = sent.rawHeaders.findIndex((header, i) => i % 2 === 0 && header.toLowerCase() === name)
    if (name === undefined || at === -1) return undefined
    const rawHeaders = [...sent.rawHeaders]
    rawHeaders[at + 1] = n % 2 === 0 ? `${rawHeaders[at + 1]}.` : `.${rawHeaders[at + 1]}`
    return { ...sent, rawHeaders }
  },
  'the label, in all three fields': (sent, { label }) => {
    const rename = (value: string): string => `${label}0${value.slice(label.length)}`
    return ['Signature-Input', 'Signature', 'Signature-Key'].reduce(
      (all, name) => withField(all, name, rename),
      sent,
    )
  },
  'the label, in one field': (sent, { label }, n) =>
    withField(
      sent,
      ['Signature-Input', 'Signature', 'Signature-Key'][n % 3] as string,
      (value) => `${label}0${value.slice(label.length)}`,
    ),
  created: (sent) =>
    withField(sent, 'Signature-Input', (value) =>
      value.replace(/created=(\d+)/, (_, at) => `created=${Number(at) - 1}`),
    ),
  'a parameter more': (sent) => withField(sent, 'Signature-Input', (value) => `${value};nonce="x"`),
  'a component less': (sent) =>
    withField(sent, 'Signature-Input', (value) => {
      const fields = parseDictionary(value)
      for (const [list] of fields.values()) (list as unknown[]).pop()
      return serializeDictionary(fields)
    }),
  'the order of the components': (sent) =>
    withField(sent, 'Signature-Input', (value) => {
      const fields = parseDictionary(value)
      for (const [list] of fields.values()) (list as unknown[]).reverse()
      return serializeDictionary(fields)
    }),
  'a bit of the signature': (sent, _, n) =>
    withField(sent, 'Signature', (value) => {
      const fields = parseDictionary(value)
      for (const [bytes] of fields.values()) {
        const view = new Uint8Array(bytes as unknown as ArrayBuffer)
        view[n % view.length] = (view[n % view.length] as number) ^ (1 << (n % 8))
      }
      return serializeDictionary(fields)
    }),
  'a character of the token': (sent, _, n) =>
    withField(sent, 'Signature-Key', (value) =>
      value.replace(/jwt="([^"]*)"/, (_, jwt: string) => {
        const parts = jwt.split('.')
        const which = n % 3
        parts[which] = flip(parts[which] as string, n, base64url)
        return `jwt="${parts.join('.')}"`
      }),
    ),
}

describe('for any request our own signer makes', () => {
  it('the verifier knows who it was [R-042] [R-061]', async () => {
    await fc.assert(
      fc.asyncProperty(signedRequest, async (parts) => {
        expect(await verdict(await sign(parts), parts.type)).toBe(
          parts.type.slice(3, -4).replace('auth', 'grant'),
        )
      }),
      { numRuns: 120 },
    )
  })

  it.each(Object.entries(changes))('it does not, after a change of %s [N-032]', async (_, change) => {
    await fc.assert(
      fc.asyncProperty(signedRequest, fc.nat(10_000), fieldLine, async (parts, n, text) => {
        const changed = change(await sign(parts), parts, n, text)
        fc.pre(changed !== undefined)
        expect(await verdict(changed as HttpRequest, parts.type)).toMatch(
          /^invalid_|^expired_jwt$|^unsupported_|^unknown_key$/,
        )
      }),
      { numRuns: 40 },
    )
  })

  it('it does not with another key under the same token, or the token of another key [N-031]', async () => {
    await fc.assert(
      fc.asyncProperty(signedRequest, async (parts) => {
        const other = parts.key === agentKey ? es256 : agentKey
        const { kid: _, ...jwk } = other.publicJwk
        const stolen = await token(parts.type, { cnf: { jwk } })
        const options = {
          key: parts.key,
          label: parts.label,
          components: [...baseComponents, ...parts.components],
        }
        expect(await verdict(await signed(stolen, options, parts.request), parts.type)).toBe(
          'invalid_signature',
        )
      }),
      { numRuns: 40 },
    )
  })
})

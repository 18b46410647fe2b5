import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { deny } from '../access/policy.js'
import type { Requirement } from '../access/requirement.js'
import type { HttpRequest } from '../http/message.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { newJwks } from '../testing/jwk.js'
import { issuerKey, newKey, now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { type CheckName, checks } from '../tracing/trace.js'
import type { CapturedRequest } from './capture.js'
import { type ExplainOptions, explain } from './explain.js'
import type { CapturedFields } from './fields.js'
import { remedies } from './remedies.js'

const pinned = ['https://ap.example', 'https://ps.example'].flatMap((issuer) =>
  ['aauth-agent.json', 'aauth-person.json'].map((dwk) => ({
    issuer,
    dwk,
    jwks: { keys: [issuerKey.publicJwk] },
  })),
)
const server = {
  resource: 'https://rs.example',
  signingKeys: [newJwks().privateJwk],
  scopes: { 'data.read': 'Read', 'data.write': 'Change' },
  issuers: { pinned },
} as const
const at = new Date(now * 1000)
const partsOf = ({ method, target, rawHeaders }: HttpRequest): CapturedFields => ({
  method,
  url: target,
  headers: rawHeaders,
})
const run = (captured: CapturedRequest, more: Partial<ExplainOptions> = {}) =>
  explain(captured, { server, at, ...more })
const grant = { scope: 'data.read' } as const

/** A request with one field changed. */
const altered = async (name: string, change: (value: string) => string | undefined): Promise<HttpRequest> => {
  const request = await signed(await token('aa-auth+jwt'))
  const at = request.rawHeaders.indexOf(name) + 1
  const value = change(request.rawHeaders[at] as string)
  return {
    ...request,
    rawHeaders:
      value === undefined ? request.rawHeaders.toSpliced(at - 1, 2) : request.rawHeaders.with(at, value),
  }
}

describe('an explanation', () => {
  it.each<[CheckName, string, () => Promise<HttpRequest>, Requirement?]>([
    [
      'wire',
      'invalid_request',
      async () => ({ ...(await signed(await token('aa-auth+jwt'))), target: '//data' }),
    ],
    ['fields', 'invalid_signature', () => altered('Signature', () => undefined)],
    ['lengths', 'invalid_signature', () => altered('Signature', () => 'x'.repeat(2000))],
    ['syntax', 'invalid_signature', () => altered('Signature-Input', () => '(')],
    [
      'components',
      'invalid_signature',
      () => altered('Signature-Input', (value) => value.replace('"@path"', '"@path" "@path"')),
    ],
    ['coverage', 'invalid_input', () => altered('Signature-Input', (value) => value.replace(' "@path"', ''))],
    ['freshness', 'invalid_signature', async () => signed(await token('aa-auth+jwt'), { created: now - 61 })],
    ['freshness', 'clock_skew', async () => signed(await token('aa-auth+jwt'), { created: now + 61 })],
    [
      'scheme',
      'unsupported_scheme',
      () => altered('Signature-Key', (value) => value.replace('=jwt;', '=hwk;')),
    ],
    [
      'base',
      'invalid_signature',
      () => altered('Signature-Input', (value) => value.replace('"@path"', '"@path" "x-none"')),
    ],
    [
      'token',
      'invalid_jwt',
      () => altered('Signature-Key', (value) => value.replace(/jwt="[^.]*/, 'jwt="e')),
    ],
    ['expiry', 'expired_jwt', async () => signed(await token('aa-auth+jwt', { exp: now - 1 }))],
    ['claims', 'invalid_jwt', async () => signed(await token('aa-auth+jwt', { scope: 7 }))],
    [
      'times',
      'clock_skew',
      async () => signed(await token('aa-auth+jwt', { iat: now + 100, exp: now + 200 })),
    ],
    [
      'audience',
      'invalid_jwt',
      async () => signed(await token('aa-auth+jwt', { aud: 'https://other.example' })),
    ],
    ['issuer', 'unknown_key', async () => signed(await token('aa-auth+jwt', {}, newKey('Ed25519', 'other')))],
    [
      'token-signature',
      'invalid_jwt',
      async () => signed(await token('aa-auth+jwt', {}, newKey('Ed25519', 'issuer-1'))),
    ],
    ['signature', 'invalid_signature', async () => signed(await token('aa-auth+jwt'), { key: newKey() })],
    ['requirement', 'person-token', async () => signed(await token('aa-agent+jwt')), grant],
    ['requirement', 'auth-token', async () => signed(await token('aa-person+jwt')), grant],
    [
      'policies',
      'closed',
      async () => signed(await token('aa-auth+jwt')),
      { ...grant, policy: () => deny('closed', 'Closed.') },
    ],
    [
      'requirement',
      'person-token',
      async () => ({ method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] }),
      grant,
    ],
  ])('stops at %s with %s, as the server does', async (name, code, request, requirement = grant) => {
    const made = await request()
    const explanation = await run(partsOf(made), { require: requirement })
    expect([explanation.code, explanation.checks.at(-1)?.name]).toEqual([code, name])
    expect(explanation.checks.slice(0, -1).every(({ passed }) => passed)).toBe(true)
    expect(explanation.checks.at(-1)?.passed).toBe(false)
    const outcome = await testResource({ issuers: { pinned } }).require(requirement).check(made)
    expect(outcome).toMatchObject({ served: false, code, answer: { status: explanation.status } })
    expect(explanation.remedy).toEqual(expect.any(String))
    expect(explanation.text).toContain(`(${checks[name][1]})`)
  })

  it('shows every check of a request that is served, and no token, signature or person', async () => {
    const request = await signed(await token('aa-auth+jwt'))
    const {
      served,
      checks: made,
      text,
    } = await run(partsOf(request), { require: { ...grant, observe: true } })
    expect(served).toBe(true)
    expect(made.every(({ passed }) => passed)).toBe(true)
    expect(text).toMatch(/=> served$/)
    for (const field of ['Signature', 'Signature-Key']) {
      const value = request.rawHeaders[request.rawHeaders.indexOf(field) + 1] as string
      for (const piece of value.match(/[\w+/-]{30,}/g) ?? []) expect(text).not.toContain(piece)
    }
    expect(text).not.toContain('mom-at-rs')
  })

  it('changes nothing in the store, and sees what is in it', async () => {
    const store = createMemoryStore({ clock: () => now * 1000 })
    const written: string[] = []
    const watched: Store = {
      get: (key) => store.get(key),
      put: (key) => void written.push(key),
      claim: (key) => written.push(key) > 0,
      delete: (key) => void written.push(key),
    }
    const request = await signed(await token('aa-auth+jwt'))
    const options = { server: { ...server, store: watched, replay: 'all' as const }, require: grant }
    expect(await run(partsOf(request), options)).toMatchObject({ served: true })
    expect(await run(partsOf(request), options)).toMatchObject({ served: true })
    expect(written).toEqual([])
    const real = testResource({ issuers: { pinned }, store, replay: 'all' })
    expect(await real.require(grant).check(request)).toMatchObject({ served: true })
    const again = await run(partsOf(request), options)
    expect([again.code, again.checks.at(-1)?.name]).toEqual(['invalid_signature', 'replay'])
    await real.denials.add({ subject: { agent: 'aauth:sam@ap.example' }, reason: 'tests' })
    const denied = await run(partsOf(await signed(await token('aa-agent+jwt'))), {
      ...options,
      require: 'agent',
    })
    expect([denied.code, denied.checks.at(-1)?.name, denied.reason]).toEqual([
      'access_denied',
      'revocation',
      'denied by the operator (agent)',
    ])
  })

  it('says that the person has to be linked first, and opens no page for it', async () => {
    const written: string[] = []
    const memory = createMemoryStore()
    const store: Store = {
      ...memory,
      get: (key) => memory.get(key),
      put: async (key) => void written.push(key),
      claim: async (key) => written.push(key) > 0,
      delete: async (key) => void written.push(key),
    }
    const users = { find: () => undefined, link: () => written.push('link') }
    const interaction = { login: () => 'mom' }
    const { status, code, text, remedy } = await run(partsOf(await signed(await token('aa-auth+jwt'))), {
      server: { ...server, store, users, interaction },
      require: { scope: 'data.read', user: true },
    })
    expect([status, code, remedy]).toEqual([401, 'user_required', remedies.get('user_required')])
    expect(text).toContain('errors.md#user_required')
    expect(written).toEqual([])
  })

  it('says when it is the capture that is old', async () => {
    const { checks: made, code } = await explain(partsOf(await signed(await token('aa-auth+jwt'))), {
      server,
    })
    expect(code).not.toBe('served')
    expect(made.at(-1)?.seen).toContain(`created ${now}`)
  })

  it('is printed as the guide shows it', async () => {
    const guide = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
    const request = await signed(await token('aa-auth+jwt', { exp: now - 1 }))
    const { text } = await run(partsOf(request), { require: grant })
    // Keys are other ones each time, and so is the length of what names them.
    const steady = text
      .replace(/\d+, \d+ and \d+ characters/, 'N, N and N characters')
      .replace(/\d+ characters\n/, 'N characters\n')
    if (process.env['PRINT'] !== undefined) console.log(steady)
    expect(guide).toContain(`\`\`\`text\n${steady}\n\`\`\``)
  })

  it('has a remedy for every code, in the words of the guide', () => {
    const guide = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
    const told = [...guide.matchAll(/^## `([\w-]+)`\n.*?\*\*The caller:\*\* (.*?)\n/gms)].map(
      ([, name, text]) => [name, text?.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')],
    )
    expect(told.length).toBeGreaterThan(30)
    expect([...remedies]).toEqual(told)
  })
})

describe('a capture', () => {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

  it('may be bytes, text, a curl command, an entry of a HAR file, or the parts', async () => {
    const request = await signed(
      await token('aa-auth+jwt'),
      {},
      {
        method: 'POST',
        target: '/data?x=1',
        rawHeaders: ['Host', 'rs.example', 'Content-Length', '7', 'Content-Type', 'text/plain'],
      },
    )
    const pairs = Array.from(
      { length: request.rawHeaders.length / 2 },
      (_, i) => request.rawHeaders.slice(2 * i, 2 * i + 2) as [string, string],
    )
    const head = [
      'POST /data?x=1 HTTP/1.1',
      ...pairs.map(([name, value]) => `${name}: ${value}`),
      '',
      'hello\nx',
    ]
    const fields = pairs.filter(([name]) => name !== 'Content-Length' && name !== 'Host')
    const curl = (quote: (text: string) => string): string =>
      `curl -s --compressed 'https://rs.example/data?x=1' \\\n ${fields.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`).join(' \\\n ')} --data-raw $'hello\\nx'`
    const captures: CapturedRequest[] = [
      Buffer.from(head.join('\r\n')),
      head.join('\n'),
      curl(quoted),
      curl((text) => JSON.stringify(text)),
      {
        startedDateTime: at.toISOString(),
        request: {
          method: 'POST',
          url: 'https://rs.example/data?x=1',
          headers: [...fields, [':authority', 'rs.example'] as const].map(([name, value]) => ({
            name,
            value,
          })),
          postData: { text: 'hello\nx' },
        },
      },
      { method: 'POST', url: '/data?x=1', headers: pairs, body: 'hello\nx' },
      { method: 'POST', url: 'https://rs.example/data?x=1', headers: Object.fromEntries(pairs) },
    ]
    for (const capture of captures)
      expect([(await run(capture, { require: grant })).text, capture]).toEqual([
        expect.stringMatching(/=> served$/),
        capture,
      ])
    expect(await explain(captures[4] as CapturedRequest, { server, require: grant })).toMatchObject({
      served: true,
    })
  })

  it.each<[string, unknown]>([
    ['begin with a request line', 'hello'],
    ['begin with a request line', ''],
    ['header field', 'GET / HTTP/1.1\nno field'],
    ['chunked', 'GET / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n'],
    ['not closed', "curl 'https://rs.example"],
    ['no URL', 'curl -s'],
    ['--proxy', 'curl --proxy x https://rs.example'],
    ['in a file', 'curl -d @file https://rs.example'],
    ['no value', 'curl https://rs.example -H'],
    ['captured request', null],
    ['captured request', 7],
    ['method and url', {}],
    ['headers must be strings', { method: 'GET', url: '/', headers: { Host: 7 } }],
    ['headers must be strings', { method: 'GET', url: '/', headers: ['Host'] }],
    ['headers must be strings', { method: 'GET', url: '/', headers: [[]] }],
    ['at most', 'x'.repeat(9_000_000)],
  ])('that makes no sense is a TypeError: %s', async (message, capture) => {
    await expect(run(capture as CapturedRequest)).rejects.toThrow(TypeError)
    await expect(run(capture as CapturedRequest)).rejects.toThrow(message)
  })
})

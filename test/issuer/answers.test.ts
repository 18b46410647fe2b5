import { createGuardedFetch, type ResourceOptions } from '@countersign/core'
import {
  type Agent,
  type AgentSignOptions,
  createKey,
  createTown,
  type MintOverrides,
  type Town,
} from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RunningTarget, resource, startTarget } from '../target/start.js'
import { Names } from './loopback.js'

let town: Town
let target: RunningTarget | undefined
let sam: Agent
/** Every URL the resource fetched. */
let fetched: string[]

beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
  fetched = []
})
afterEach(async () => {
  await target?.close()
  await town.close()
})

async function start(options: Partial<ResourceOptions> = {}): Promise<void> {
  const inner = options.fetch ?? town.fetch
  const fetch: NonNullable<ResourceOptions['fetch']> = (url, init) => {
    fetched.push(url)
    return inner(url, init)
  }
  target = await startTarget('express', 0, { clock: town.clock, ...options, fetch })
  town.route('rs.example', target.port)
}

const ask = (options?: AgentSignOptions): Promise<Response> =>
  sam.request({ url: `${resource}/agent` }, options)
const askWith = async (overrides: MintOverrides): Promise<Response> =>
  ask({ token: await sam.mintAgentToken(overrides) })
const errorOf = (response: Response): string | undefined =>
  /error=([a-z_]+)/.exec(response.headers.get('signature-error') ?? '')?.[1]

describe('a request that is refused for what it says', () => {
  const now = (): number => Math.floor(Date.now() / 1000)
  const claims = (changes: object) => () => askWith({ claims: { ...changes } })
  const header = (changes: object) => () => askWith({ header: { ...changes } })

  it.each<[string, string, () => Promise<Response>]>([
    [
      'no signature (KN-110)',
      'invalid_signature',
      () => sam.send({ ...base, rawHeaders: ['Host', 'rs.example'] }),
    ],
    [
      'a broken signature',
      'invalid_signature',
      () => changed('signature', (value) => value.replace(/:..../, ':AAAA')),
    ],
    ['no signature input', 'invalid_signature', () => changed('signature-input', () => '')],
    ['another key’s signature', 'invalid_signature', () => ask({ key: createKey() })],
    ['another authority', 'invalid_signature', () => ask({ authority: 'other.example' })],
    ['an old signature', 'invalid_signature', () => ask({ created: now() - 120 })],
    ['a signature of the future', 'clock_skew', () => ask({ created: now() + 120 })],
    ['too little covered', 'invalid_input', () => ask({ components: ['@method'] })],
    ['another scheme', 'unsupported_scheme', () => ask({ signatureKey: { scheme: 'hwk' } as never })],
    ['no token', 'invalid_jwt', () => ask({ token: 'a.b.c' })],
    ['a huge token', 'invalid_signature', claims({ junk: 'x'.repeat(9000) })],
    ['another typ', 'invalid_jwt', header({ typ: 'JWT' })],
    ['alg none', 'invalid_jwt', header({ alg: 'none' })],
    ['alg EdDSA', 'invalid_jwt', header({ alg: 'EdDSA' })],
    ['no kid', 'invalid_jwt', header({ kid: undefined })],
    ['crit', 'invalid_jwt', header({ crit: ['x'] })],
    ['an expired token', 'expired_jwt', claims({ exp: now() - 1 })],
    ['no cnf', 'invalid_jwt', claims({ cnf: undefined })],
    ['iss over http (N-053)', 'invalid_jwt', claims({ iss: 'http://ap.example' })],
    ['iss with a port (N-054)', 'invalid_jwt', claims({ iss: 'https://ap.example:8443' })],
    ['iss with a path (N-055)', 'invalid_jwt', claims({ iss: 'https://ap.example/' })],
    ['iss in upper case (N-056)', 'invalid_jwt', claims({ iss: 'https://AP.example' })],
    ['iss as an address (KN-101)', 'invalid_jwt', claims({ iss: 'https://127.0.0.1' })],
    ['iss as a number (KN-101)', 'invalid_jwt', claims({ iss: 'https://2130706433' })],
    ['iss as an IPv6 address (KN-101)', 'invalid_jwt', claims({ iss: 'https://[::1]' })],
    ['the dwk of another typ (N-062)', 'invalid_jwt', claims({ dwk: 'aauth-person.json' })],
    ['a dwk that bends the URL (N-063)', 'invalid_jwt', claims({ dwk: '../admin' })],
  ])('costs no fetch: %s', async (_what, code, send) => {
    await start()
    const response = await send()
    expect([response.status, errorOf(response)]).toEqual([401, code])
    expect(fetched).toEqual([])
  })

  const base = { method: 'GET', host: 'rs.example', target: '/agent' }
  async function changed(name: string, change: (value: string) => string): Promise<Response> {
    const wire = await sam.sign({ url: `${resource}/agent` })
    const at = wire.rawHeaders.findIndex((one, i) => i % 2 === 0 && one.toLowerCase() === name) + 1
    return sam.send({ ...wire, rawHeaders: wire.rawHeaders.with(at, change(wire.rawHeaders[at] as string)) })
  }
})

describe('what the agent sees', () => {
  it('is its answer, for two fetches and never another', async () => {
    await start()
    for (let i = 0; i < 5; i++) expect((await ask()).status).toBe(200)
    expect(fetched).toEqual([
      'https://ap.example/.well-known/aauth-agent.json',
      expect.stringMatching(/^https:\/\/ap\.example\//),
    ])
  })

  it('is 401 unknown_key for a key that its issuer does not have', async () => {
    await start()
    const response = await askWith({ key: createKey() })
    expect([response.status, errorOf(response)]).toEqual([401, 'unknown_key'])
    expect(fetched).toHaveLength(2)
  })

  it('is 503 with Retry-After and no signature field where the issuer is out of reach', async () => {
    await start({ fetch: async () => new Response(null, { status: 502 }) })
    const response = await ask()
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(60)
    expect([...response.headers.keys()].filter((name) => name.includes('signature'))).toEqual([])
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ error: 'issuer_unavailable', status: 503 })
  })

  it('is 401 unknown_key for the same where the operator wants the letter of the draft', async () => {
    await start({
      fetch: async () => new Response(null, { status: 502 }),
      issuers: { unavailable: 'refuse' },
    })
    const response = await ask()
    expect([response.status, errorOf(response)]).toEqual([401, 'unknown_key'])
  })

  it('is 401 unknown_key, and nothing of the reason, for an address that we do not visit', async () => {
    const names = new Names()
    names.set('ap.example', { address: '169.254.169.254', family: 4 })
    const events: unknown[] = []
    await start({
      fetch: createGuardedFetch({ resolve: names.resolve }),
      onEvent: (event) => events.push(event),
    })
    const response = await ask()
    expect([response.status, errorOf(response)]).toEqual([401, 'unknown_key'])
    const text = await response.text()
    expect(text).not.toContain('address')
    expect(text).not.toContain('169.254')
    expect(JSON.stringify(events)).toContain('ap.example has no public address')
  })

  it('is 403 without a signature field for an issuer that the operator refuses, before any fetch', async () => {
    await start({ issuers: { deny: ['https://ap.example'] } })
    const response = await ask()
    expect(response.status).toBe(403)
    expect([...response.headers.keys()].filter((name) => name.includes('signature'))).toEqual([])
    expect(await response.json()).toMatchObject({ error: 'access_denied' })
    expect(fetched).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { createResourceServer } from '../server/resource-server.js'
import { newJwks } from '../testing/jwk.js'
import { answerOf, printOf, readWithin, SupplierAnswers } from './answers.js'
import type { OnwardOptions } from './options.js'
import { agentTokenLifetime, createOwnAgent } from './own-agent.js'
import { createSeal } from './seal.js'
import { SupplierFault } from './suppliers.js'
import { SupplierTokens } from './tokens.js'

const jwk = () => newJwks('Ed25519').privateJwk
const connect = () => ({
  fetch: async () => new SupplierFault('supplier_failed', 'none is called here'),
  poll: async () => new SupplierFault('supplier_failed', 'none is called here'),
  cancel: async () => undefined,
})
const open = (onward: unknown, more: object = { signingKeys: [jwk()] }) =>
  createResourceServer({ resource: 'https://shop.example', ...more, onward: onward as OnwardOptions })

describe('the option onward', () => {
  const wrong: [string, unknown, object | undefined, RegExp][] = [
    ['no agent', {}, undefined, /option onward\.connect: must be connectSuppliers/],
    ['no key', { connect }, {}, /option signingKeys: is missing; onward needs/],
    [
      'a supplier with a path',
      { connect, suppliers: ['https://a.example/x'] },
      undefined,
      /onward\.suppliers\.0/,
    ],
    [
      'a supplier without TLS',
      { connect, suppliers: ['http://a.example'] },
      undefined,
      /onward\.suppliers\.0/,
    ],
    ['the name of a sub-agent', { connect, agent: 'a+b' }, undefined, /onward\.agent/],
    ['a key that is none', { connect, key: {} }, undefined, /option onward\.key/],
    ['a short secret', { connect, secrets: ['short'] }, undefined, /onward\.secrets\.0: must be 256 bits/],
    ['a timeout of nothing', { connect, timeout: 0 }, undefined, /onward\.timeout/],
    ['a misspelt member', { connect, supplier: [] }, undefined, /onward\.supplier: is not known/],
    ['undefined', undefined, undefined, /option onward/],
    ['true', true, undefined, /option onward/],
    [
      'keys kept elsewhere, and no secrets',
      { connect },
      { signingKeys: [{ publicJwk: newJwks('Ed25519').publicJwk, sign: () => new Uint8Array(64) }] },
      /option onward\.secrets: is needed/,
    ],
  ]
  it.each(wrong)('is refused with %s', (_, onward, more, message) => {
    expect(() => open(onward, more)).toThrow(message)
    expect(() => open(onward, more)).toThrow(TypeError)
  })

  it('is what routes that call suppliers need', () => {
    const without = createResourceServer({ resource: 'https://shop.example', signingKeys: [jwk()] })
    expect(() => without.require({ identity: 'person', onward: true })).toThrow('needs the option onward')
    const server = open({ connect })
    expect(() => server.require({ identity: 'agent', onward: true } as never)).toThrow('knows the person')
    expect(() => server.require({ identity: 'person', onward: 'yes' } as never)).toThrow(
      'onward: must be a boolean',
    )
    expect(() => server.require({ identity: 'person', onward: true })).not.toThrow()
  })

  it('is what publishes an agent provider, and nothing else does (R-306)', async () => {
    const ask = (server: ReturnType<typeof open>) =>
      server.handle({ method: 'GET', target: '/.well-known/aauth-agent.json', rawHeaders: [] })
    const without = createResourceServer({ resource: 'https://shop.example', signingKeys: [jwk()] })
    expect(ask(without)).toBeUndefined()
    const answer = await ask(open({ connect }, { signingKeys: [jwk()], paths: { callback: '/back' } }))
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({
      issuer: 'https://shop.example',
      jwks_uri: 'https://shop.example/.well-known/jwks.json',
      callback_endpoint: 'https://shop.example/back',
    })
  })
})

describe('our own agent token', () => {
  it('is made once an hour, and again for another key (R-307)', async () => {
    let now = Date.UTC(2026, 10, 1)
    const server = open({ connect })
    const ring = { signing: undefined as never }
    const { OwnKeyRing } = await import('../own-keys/key-ring.js')
    const keys = new OwnKeyRing(jwk(), { clock: () => now, lifetime: 300, report: () => undefined })
    Object.defineProperty(ring, 'signing', { get: () => keys.signing })
    const agent = createOwnAgent({
      resource: server.resource,
      agent: 'onward',
      keys: ring,
      key: undefined,
      clock: () => now,
    })
    const first = await agent.token()
    expect(await agent.token()).toBe(first)
    now += (agentTokenLifetime - 600) * 1000
    expect(await agent.token()).not.toBe(first)
    const next = keys.publish({ ...jwk(), kid: 'next' })
    const before = await agent.token()
    keys.promote(next.kid, { force: true })
    expect(await agent.token()).not.toBe(before)
    expect(agent.key.kid).toBe('next')
  })
})

describe('what is kept of a call', () => {
  const secret = (byte: number) => new Uint8Array(32).fill(byte)

  it('is sealed, and opens with every secret and with no other', async () => {
    const old = await createSeal([secret(1)]).close({ token: 'eyJ' })
    expect(old).not.toContain('eyJ0b2tlbiI')
    expect(await createSeal([secret(2), secret(1)]).open(old)).toEqual({ token: 'eyJ' })
    expect(await createSeal([secret(2)]).open(old)).toBeUndefined()
    expect(await createSeal([secret(1)]).open(`${old.slice(0, -4)}AAAA`)).toBeUndefined()
    expect(await createSeal([secret(1)]).open('')).toBeUndefined()
  })

  const call = (method: string) => new Request('https://mill.example/flour', { method })
  const print = (method: string, content = '') => printOf(call(method), new TextEncoder().encode(content))

  it('tells calls apart by method, URL and content', () => {
    expect(new Set([print('POST'), print('PUT'), print('POST', 'a'), print('POST', 'b')]).size).toBe(4)
    expect(print('POST', 'a')).toBe(print('POST', 'a'))
  })

  it('is the answers to what may have changed something, each given again once', async () => {
    const answers = new SupplierAnswers([], 100)
    await answers.keep('get', 'GET', new Response('read'))
    const kept = await answers.keep('post', 'POST', new Response('done', { status: 201 }))
    expect(await kept.text()).toBe('done')
    await answers.keep('empty', 'DELETE', new Response(null, { status: 204 }))
    const again = new SupplierAnswers(answers.all ?? [], 100)
    expect(again.take('get')).toBeUndefined()
    expect(again.strays('another', 'POST')).toBe(true)
    expect(again.strays('another', 'GET')).toBe(false)
    const given = again.take('post') as Response
    expect([given?.status, await given?.text()]).toEqual([201, 'done'])
    expect(again.take('post')).toBeUndefined()
    expect(again.take('empty')).toMatchObject({ status: 204 })
    expect(again.strays('another', 'POST')).toBe(false)
    expect(again.all).toHaveLength(2)
    again.fail('lost', 'POST', new SupplierFault('supplier_unavailable', 'no answer'))
    again.fail('read', 'GET', new SupplierFault('supplier_unavailable', 'no answer'))
    const third = new SupplierAnswers(again.all ?? [], 100)
    expect(third.take('lost')).toMatchObject({ code: 'supplier_unavailable' })
    expect(third.take('read')).toBeUndefined()
  })

  it('is nothing where it is too long, and the handler reads it all the same', async () => {
    const answers = new SupplierAnswers([], 10)
    const long = await answers.keep('post', 'POST', new Response('0123456789ab', { status: 201 }))
    expect(await long.text()).toBe('0123456789ab')
    expect(answers.all).toBeUndefined()
    const content = await readWithin(new Response('abc'), 3)
    expect(answerOf('p', new Response(null, { status: 200 }), content as Uint8Array).content).toBe('YWJj')
  })
})

describe('tokens for suppliers', () => {
  const token = (supplier: string, bytes = 1000) =>
    ({ kind: 'auth', supplier, value: 'x'.repeat(bytes), exp: 1, jkt: 'k' }) as const

  it('are bounded, and one site pushes out none of another', () => {
    const tokens = new SupplierTokens(10)
    tokens.set('moms', 'https://ps.example', token('https://mill.example'))
    for (let i = 0; i < 1000; i++)
      tokens.set(`stranger-${i}`, `https://ps-${i}.evil.test`, token('https://mill.example'))
    expect(tokens.get('moms', 'auth', 'https://mill.example')).toBeDefined()
    expect(tokens.get('stranger-0', 'auth', 'https://mill.example')).toBeUndefined()
    tokens.delete('moms', 'auth', 'https://mill.example')
    expect(tokens.get('moms', 'auth', 'https://mill.example')).toBeUndefined()
  })

  it('are for one upstream token, one supplier and one kind', () => {
    const tokens = new SupplierTokens(10)
    tokens.set('one', 'https://ps.example', token('https://mill.example'))
    expect(tokens.get('two', 'auth', 'https://mill.example')).toBeUndefined()
    expect(tokens.get('one', 'auth', 'https://sea.example')).toBeUndefined()
    expect(tokens.get('one', 'person', 'https://mill.example')).toBeUndefined()
  })
})

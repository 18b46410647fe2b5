import { createKey } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { coreAdapters } from '../target/start.js'
import { Browser } from './browser.js'
import { errorOf, pageOf, pendingOf } from './deferred.js'
import { openStage, type Stage, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** Given what asks the town's person server; whether it does is its own affair. */
type Answering = (ask: () => Promise<Response>) => Response | Promise<Response>

const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })

describe.each(coreAdapters)('what a person server says at its pending URL [adapter %s]', (adapter) => {
  let stage: Stage
  let token: string
  let pending: string
  let answering: Answering
  let polls: number
  const poll = () => stage.sam.request({ url: pending }, { token })
  const ended = async () => {
    const response = await poll()
    return [response.status, await errorOf(response)]
  }
  const open = async () => {
    polls = 0
    answering = (ask) => ask()
    stage = await openStage(adapter, {
      mom: { consent: () => ({ decision: true, after: 'visit' }) },
      shop: {
        onward: {
          fetch: async (input, init) => {
            const { url, method } = new Request(input, init)
            const ask = () => stage.town.fetchAs('shop')(input, init)
            if (method !== 'GET' || !url.startsWith('https://ps.example/pending/')) return ask()
            polls++
            return answering(ask)
          },
        },
      },
    })
    token = await stage.grant()
    const deferred = await stage.order(token)
    pending = pendingOf(deferred)
    await new Browser(stage.town).open(pageOf(deferred))
  }
  afterEach(() => stage.close())

  it.each(['aud', 'cnf', 'sub', 'iss'])(
    'is not used where the token has another %s (N-179)',
    async (claim) => {
      await open()
      answering = async (ask) => {
        const { auth_token: honest } = (await (await ask()).json()) as { auth_token: string }
        const { town, mom, sam } = stage
        const lies: Record<string, unknown> = {
          aud: 'https://other.example',
          cnf: { jwk: createKey().cnf },
          sub: 'somebody',
          iss: 'https://other.example',
        }
        const about = { person: mom, resource: supplier, cnf: sam.key.cnf, scope: 'data.write' }
        const claims = { ...decodeJwt(honest), [claim]: lies[claim] }
        return json(200, { auth_token: await town.ps.mintAuthToken(about, { claims }), expires_in: 60 })
      }
      expect(await ended()).toEqual([502, 'supplier_failed'])
      expect((await poll()).status).toBe(410)
      expect(stage.orders).toEqual([])
    },
  )

  const ends: [number, string, number, string][] = [
    [403, 'denied', 403, 'denied'],
    [403, 'abandoned', 403, 'abandoned'],
    [403, 'revoked', 403, 'revoked'],
    [408, 'expired', 408, 'expired'],
    [410, 'invalid_code', 403, 'abandoned'],
    [500, 'server_error', 502, 'supplier_failed'],
    [502, 'as_unreachable', 502, 'as_unreachable'],
    [400, 'invalid_upstream_token', 502, 'invalid_upstream_token'],
  ]
  it.each(ends)(
    'ends the call: %i %s is %i %s to the caller (G-66, N-183)',
    async (status, error, ours, code) => {
      await open()
      answering = () => json(status, { error, status })
      expect(await ended()).toEqual([ours, code])
      expect((await poll()).status).toBe(410)
      expect(polls).toBe(1)
      expect(stage.orders).toEqual([])
    },
  )

  it('can be had later where it cannot be had now', async () => {
    await open()
    answering = () => json(503, { error: 'overloaded' }, { 'Retry-After': '7' })
    const later = await poll()
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '7'])
    answering = async (ask) => {
      await ask()
      throw new TypeError('the connection was reset')
    }
    stage.pass(10)
    expect(await ended()).toEqual([503, 'supplier_unavailable'])
    answering = (ask) => ask()
    stage.pass(10)
    // What was lost on the way is told to nobody a second time.
    expect((await poll()).status).toBe(202)
    stage.pass(20)
    expect(await ended()).toEqual([500, 'server_error'])
    expect(stage.orders).toEqual([])
  })

  it('is asked for no oftener than it wants', async () => {
    await open()
    answering = () =>
      json(202, { status: 'pending' }, { 'Retry-After': '30', Location: 'https://ps.example/x' })
    for (let i = 0; i < 3; i++) expect((await poll()).status).toBe(202)
    expect(polls).toBe(1)
    stage.pass(30)
    expect((await poll()).status).toBe(202)
    expect(polls).toBe(2)
    answering = () => json(429, { error: 'slow_down' }, { 'Retry-After': '1' })
    stage.pass(30)
    expect((await poll()).status).toBe(202)
    stage.pass(5)
    expect((await poll()).status).toBe(202)
    expect(polls).toBe(3)
  })

  it('is another page, to which the person is sent as well', async () => {
    await open()
    answering = () => {
      const requirement = 'requirement=interaction;url="https://ps.example/again";code="CCCC-3333"'
      return json(202, { status: 'pending' }, { 'Retry-After': '0', 'AAuth-Requirement': requirement })
    }
    const again = await poll()
    expect(again.status).toBe(202)
    const sent = await new Browser(stage.town).request(pageOf(again))
    expect(sent.headers.get('location')).toMatch(/^https:\/\/ps\.example\/again\?code=CCCC-3333&callback=/)
  })

  it('ends polls that are held open, and is asked for by them', async () => {
    await open()
    let isDecided = false
    answering = (ask) => (isDecided ? ask() : json(202, { status: 'pending' }, { 'Retry-After': '0' }))
    const held = stage.sam.request({ url: pending, headers: { Prefer: 'wait=20' } }, { token })
    await expect.poll(() => polls).toBeGreaterThan(0)
    isDecided = true
    expect(await (await held).json()).toEqual({ supplier: { status: 201, body: { order: 1 } } })
    expect(stage.orders).toHaveLength(1)
  })
})

import { type Allow, allow } from '@countersign/core'
import { readRequirement } from '@countersign/devkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { coreAdapters } from '../target/start.js'
import { Browser } from './browser.js'
import { errorOf, pageOf, pendingOf } from './deferred.js'
import { openStage, type Stage, type StageOptions } from './stage.js'

/** Mom decides on a page of her person server. */
const onPage = (decision: boolean) => () => ({ decision, after: 'visit' }) as const

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(coreAdapters)('a call that waits for a supplier’s side [adapter %s]', (adapter) => {
  let stage: Stage
  let token: string
  const open = async (options: StageOptions) => {
    stage = await openStage(adapter, options)
    token = await stage.grant()
    return stage
  }
  const poll = (url: string, method = 'GET') => stage.sam.request({ method, url }, { token })
  afterEach(() => stage.close())

  it('answers with a page of our own, which sends the person on, and finishes at our pending URL, once (R-316)', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    expect(deferred.headers.get('cache-control')).toBe('no-store')
    expect(deferred.headers.get('retry-after')).toBe('5')
    expect(pendingOf(deferred)).toMatch(/^https:\/\/rs\.example\/aauth\/pending\//)
    expect(pageOf(deferred)).toMatch(/^https:\/\/rs\.example\/aauth\/interact\//)
    expect((await poll(pendingOf(deferred))).status).toBe(202)
    const journey = await new Browser(stage.town).open(pageOf(deferred))
    expect(journey.urls.map((url) => url.split('?')[0])).toEqual([
      expect.stringMatching(/^https:\/\/rs\.example\/aauth\/interact\//),
      'https://ps.example/interact',
      'https://rs.example/aauth/callback',
      expect.stringMatching(/^https:\/\/rs\.example\/aauth\/interact\//),
    ])
    expect(journey.status).toBe(200)
    expect(stage.orders).toEqual([])
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { supplier: { status: 201, body: { order: 1 } } }])
    expect(stage.orders).toEqual([{ bread: 2 }])
    expect((await poll(pendingOf(deferred))).status).toBe(410)
    expect(stage.orders).toHaveLength(1)
  })

  it('goes on at a later poll where a policy of ours is late when its handler is to run again', async () => {
    let isLate = false
    const policy = (): Allow | Promise<never> => (isLate ? new Promise(() => {}) : allow())
    await open({ mom: { consent: onPage(true) }, shop: { policy, policyTimeout: 40 } })
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    isLate = true
    for (let polls = 0; polls < 2; polls++) {
      const later = await poll(pendingOf(deferred))
      expect([later.status, await errorOf(later)]).toEqual([503, 'policy_unavailable'])
      stage.pass(5)
    }
    isLate = false
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { supplier: { status: 201, body: { order: 1 } } }])
    expect((await poll(pendingOf(deferred))).status).toBe(410)
    expect(stage.orders).toHaveLength(1)
  })

  it('sends nobody to where it does not know the agent to be, and goes on all the same (G-38)', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    const callback = encodeURIComponent('https://evil.example/cb')
    const journey = await new Browser(stage.town).open(`${pageOf(deferred)}&callback=${callback}`)
    expect(new URL(journey.urls.at(-1) as string).host).toBe('rs.example')
    expect((await poll(pendingOf(deferred))).status).toBe(200)
  })

  it('sends the person back to their person server, if that is where they came from', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    const callback = encodeURIComponent('https://ps.example/back?to=mom')
    const browser = new Browser(stage.town)
    const there = await browser.request(`${pageOf(deferred)}&callback=${callback}`)
    const back = await browser.request(there.headers.get('location') as string)
    const last = await browser.request(back.headers.get('location') as string)
    expect(last.headers.get('location')).toBe('https://ps.example/back?to=mom')
  })

  it('takes no decision from a form on the page that only sends on', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    const browser = new Browser(stage.town)
    await browser.request(pageOf(deferred))
    const page = pageOf(deferred).split('?')[0] as string
    const form = new URLSearchParams({ token: 'x', decision: 'approve' })
    const answer = await browser.request(page, { method: 'POST', body: form })
    expect(answer.headers.get('location')).toMatch(/^https:\/\/ps\.example\//)
    expect((await poll(pendingOf(deferred))).status).toBe(202)
    const id = pendingOf(deferred).split('/').at(-1) as string
    expect([
      await stage.shop.pending.approve(id, { user: 'mom' }),
      await stage.shop.pending.deny(id),
    ]).toEqual([false, false])
  })

  it('waits a second time where the person is asked twice', async () => {
    await open({ mom: { introduction: onPage(true), consent: onPage(true) } })
    const first = await stage.order(token)
    await new Browser(stage.town).open(pageOf(first))
    const second = await poll(pendingOf(first))
    expect(second.status).toBe(202)
    expect(pageOf(second)).not.toBe(pageOf(first))
    await new Browser(stage.town).open(pageOf(second))
    // The URL that the agent knows first goes on to where the call waits now.
    const done = await poll(pendingOf(first))
    expect(await done.json()).toEqual({ supplier: { status: 201, body: { order: 1 } } })
    expect(stage.orders).toHaveLength(1)
  })

  it('tells the caller that the person has declined, and has done nothing (R-317)', async () => {
    await open({ mom: { consent: onPage(false) } })
    const deferred = await stage.order(token)
    const journey = await new Browser(stage.town).open(pageOf(deferred))
    expect(journey.text).toMatch(/declined/)
    const done = await poll(pendingOf(deferred))
    expect([done.status, await errorOf(done)]).toEqual([403, 'denied'])
    expect(stage.orders).toEqual([])
  })

  it('takes no word from a browser that has not come by our page', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    const [at] =
      (await new Browser(stage.town).request(pageOf(deferred))).headers.get('location')?.split('?') ?? []
    expect(at).toBe('https://ps.example/interact')
    const id = pageOf(deferred).split('/').at(-1)?.split('?')[0]
    const stranger = await new Browser(stage.town).open(
      `https://rs.example/aauth/callback?state=${id}&error=access_denied`,
    )
    expect(stranger.status).toBe(410)
    expect((await poll(pendingOf(deferred))).status).toBe(202)
  })

  it('ends with the token that the call came with: 408 expired (N-181, R-315)', async () => {
    await open({ mom: { consent: onPage(true) }, shop: { pending: { lifetime: 86_400 } } })
    const deferred = await stage.order(token)
    stage.pass(3601)
    const fresh = await stage.grant()
    const done = await stage.sam.request({ url: pendingOf(deferred) }, { token: fresh })
    expect([done.status, await errorOf(done)]).toEqual([408, 'expired'])
    expect(stage.orders).toEqual([])
  })

  it('ends when the token that the call came with is revoked: 403 revoked, and why (N-182, R-324)', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    const { jti, exp } = JSON.parse(String(Buffer.from(token.split('.')[1] as string, 'base64url'))) as {
      jti: string
      exp: number
    }
    await stage.town.ps.revoke(jti, exp, 'https://rs.example')
    const done = await stage.sam.request({ url: pendingOf(deferred) }, { token: await stage.grant() })
    expect([done.status, await done.json()]).toEqual([
      403,
      expect.objectContaining({ error: 'revoked', detail: expect.stringMatching(/revoked/) }),
    ])
    expect(stage.orders).toEqual([])
  })

  it('is called off with DELETE, on the person server as well', async () => {
    await open({ mom: { consent: onPage(true) } })
    const deferred = await stage.order(token)
    expect((await poll(pendingOf(deferred), 'DELETE')).status).toBe(204)
    expect((await poll(pendingOf(deferred))).status).toBe(410)
    await expect
      .poll(() => stage.town.ledger.filter(({ method, to }) => method === 'DELETE' && to === 'ps.example'))
      .toHaveLength(1)
    expect((await new Browser(stage.town).open(pageOf(deferred))).status).toBe(410)
  })

  it('is refused to a caller that cannot send anybody to a page', async () => {
    await open({ mom: { consent: onPage(true) } })
    const refused = await stage.order(token, { 'AAuth-Capabilities': 'clarification' })
    expect([refused.status, await errorOf(refused)]).toEqual([403, 'interaction_required'])
    expect(stage.orders).toEqual([])
  })

  it('waits without a page where somebody else decides', async () => {
    let decide = (_: unknown): void => undefined
    const after = new Promise((resolve) => {
      decide = resolve
    })
    await open({ mom: { consent: () => ({ decision: true, after }) } })
    const deferred = await stage.order(token, { 'AAuth-Capabilities': 'clarification' })
    expect([deferred.status, readRequirement(deferred)?.name]).toEqual([202, 'approval'])
    decide(undefined)
    const done = await poll(pendingOf(deferred))
    expect(await done.json()).toMatchObject({ supplier: { status: 201 } })
  })
})

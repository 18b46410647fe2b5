import { approval, type PendingView } from '@countersign/core'
import { readRequirement } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from './stage.js'

describe.each(adapters)('a call that somebody has to approve [adapter %s]', (adapter) => {
  let stage: Stage
  let sold: number
  let asked: PendingView[]
  let telling: () => void
  const ask = (pending: PendingView): void => {
    telling()
    asked.push(pending)
  }
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/knives',
      requirement: { identity: 'agent', policy: () => approval({ ask }) },
      answer: ({ bytes, caller }) => ({ sold: ++sold, bytes, kind: caller.kind }),
    },
    {
      method: 'POST',
      path: '/person',
      requirement: { identity: 'person', policy: () => approval({ ask }) },
      answer: ({ caller }) => ({ sold: ++sold, kind: caller.kind }),
    },
    {
      method: 'POST',
      path: '/two',
      requirement: {
        scope: 'data.write',
        deliver: 'held',
        policy: ({ request }) => approval({ ask, subject: asked.length < 1 ? 'first' : request.path }),
      },
      answer: () => ({ sold: ++sold }),
    },
  ]
  const open = async (options: Parameters<typeof openStage>[1] = {}): Promise<void> => {
    stage = await openStage(adapter, options, table)
  }
  beforeEach(() => {
    sold = 0
    asked = []
    telling = () => undefined
  })
  afterEach(() => stage.close())

  const url = `${resource}/knives?size=large`
  const call = async (headers: [string, string][] = []): Promise<Response> =>
    stage.sam.request({ method: 'POST', url, headers, body: 'one' })
  const poll = (pending: string, headers: [string, string][] = []): Promise<Response> =>
    stage.sam.request({ url: pending, headers })
  const id = (): string => (asked[0] as PendingView).id

  it('waits, and is carried out by the poll after the approval (R-161, R-162, R-212, R-213, R-224)', async () => {
    await open()
    const first = await call()
    expect(readRequirement(first)?.name).toBe('approval')
    expect(first.headers.get('retry-after')).toBe('5')
    const pending = locationOf(first)
    expect(asked[0]).toMatchObject({
      caller: { kind: 'agent', agent: stage.sam.identifier },
      request: { method: 'POST', path: '/knives', query: 'size=large' },
    })
    const second = await poll(pending)
    expect([second.status, readRequirement(second)?.name]).toEqual([202, 'approval'])
    expect(await stage.aauth.pending.approve(id())).toBe(true)
    expect(await (await poll(pending)).json()).toEqual({ sold: 1, bytes: 3, kind: 'agent' })
  })

  it('is over after its answer, whatever comes (R-222, N-134, HC-97)', async () => {
    await open()
    const pending = locationOf(await call())
    await stage.aauth.pending.approve(id())
    await poll(pending)
    const late = await poll(pending)
    expect([late.status, late.headers.get('cache-control')]).toEqual([410, 'no-store'])
    expect(await stage.aauth.pending.deny(id())).toBe(false)
    expect(sold).toBe(1)
  })

  it('is refused without signature fields when it is denied (R-223, R-225)', async () => {
    await open()
    const pending = locationOf(await call())
    expect(await stage.aauth.pending.deny(id())).toBe(true)
    expect(await stage.aauth.pending.approve(id())).toBe(false)
    const answer = await poll(pending)
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'denied'])
    expect(answer.headers.has('signature-error')).toBe(false)
    expect((await poll(pending)).status).toBe(410)
    expect(sold).toBe(0)
  })

  it('expires, once with 408 and then with 410, and cannot be approved then (R-217, N-135, HC-97, HC-98)', async () => {
    await open({ pending: { lifetime: 60, retention: 60 } })
    const pending = locationOf(await call())
    stage.pass(60)
    expect(await stage.aauth.pending.approve(id())).toBe(false)
    const answer = await poll(pending)
    expect([answer.status, await errorOf(answer)]).toEqual([408, 'expired'])
    expect((await poll(pending)).status).toBe(410)
    stage.pass(61)
    expect((await poll(pending)).status).toBe(404)
  })

  it('is polled by signed requests of the same key only (R-216, R-218, R-331, HC-122, N-131, N-132, N-133, HC-96)', async () => {
    await open()
    const pending = locationOf(await call())
    const bare = await stage.town.fetch(pending)
    expect([bare.status, bare.headers.get('signature-error')]).toEqual([401, 'error=invalid_signature'])
    const eve = stage.town.agent('eve')
    const hers = await eve.request({ url: pending })
    const unknown = await poll(`${pending.slice(0, -1)}${pending.endsWith('A') ? 'B' : 'A'}`)
    const malformed = await poll(`${resource}/aauth/pending/x`)
    const bodies = await Promise.all([hers, unknown, malformed].map((answer) => answer.text()))
    expect([hers.status, unknown.status, malformed.status]).toEqual([404, 404, 404])
    expect(new Set(bodies).size).toBe(1)
  })

  it('is cancelled by a signed DELETE (R-219, R-255, N-140)', async () => {
    await open()
    const pending = locationOf(await call())
    expect((await stage.sam.request({ method: 'DELETE', url: pending })).status).toBe(204)
    expect((await poll(pending)).status).toBe(410)
    expect((await stage.sam.request({ method: 'DELETE', url: pending })).status).toBe(410)
    expect(await stage.aauth.pending.approve(id())).toBe(false)
    expect((await stage.sam.request({ method: 'PUT', url: pending })).status).toBe(405)
  })

  it('knows no action but the answer to a question (R-254, N-138, N-139)', async () => {
    await open()
    const pending = locationOf(await call())
    for (const body of [
      '{}',
      '[]',
      '{"action":"sing"}',
      '{"action":"updated_request"}',
      'no',
      '{"action":"clarification_response"}',
      '{"action":"clarification_response","clarification_response":"unasked"}',
    ]) {
      const answer = await stage.sam.request({ method: 'POST', url: pending, body })
      expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request'])
    }
  })

  it('puts questions only where they are switched on and understood (R-252, R-253, R-256)', async () => {
    await open({ pending: { clarification: true } })
    locationOf(await call())
    expect(await stage.aauth.pending.clarify(id(), { clarification: 'Why?' })).toBe(false)
    asked = []
    const pending = locationOf(
      await call([['AAuth-Capabilities', 'interaction, clarification;x=1, novelty']]),
    )
    expect(
      await stage.aauth.pending.clarify(id(), { clarification: 'Why?', timeout: 60, options: ['a', 'b'] }),
    ).toBe(true)
    const question = await poll(pending)
    expect(question.status).toBe(202)
    expect(readRequirement(question)?.name).toBe('clarification')
    expect(await question.json()).toEqual({
      status: 'pending',
      clarification: 'Why?',
      timeout: 60,
      options: ['a', 'b'],
    })
    const body = JSON.stringify({
      action: 'clarification_response',
      clarification_response: '<b>because</b>',
    })
    expect((await stage.sam.request({ method: 'POST', url: pending, body })).status).toBe(202)
    expect(await stage.aauth.pending.clarification(id())).toBe('<b>because</b>')
    expect(readRequirement(await poll(pending))?.name).toBe('approval')
  })

  it('answers a long poll as soon as it is decided (R-220)', async () => {
    await open()
    const pending = locationOf(await call())
    const waiting = poll(pending, [['Prefer', 'respond-async, wait=30']])
    await stage.aauth.pending.approve(id())
    expect((await waiting).status).toBe(200)
  })

  it('slows down an agent that polls without pause (R-221, N-137)', async () => {
    await open()
    const pending = locationOf(await call())
    for (let i = 0; i < 10; i++) expect((await poll(pending)).status).toBe(202)
    const answer = await poll(pending)
    expect([answer.status, await errorOf(answer)]).toEqual([429, 'slow_down'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(5)
    stage.pass(5)
    expect((await poll(pending)).status).toBe(202)
  })

  it('bounds what one key may open', async () => {
    await open({ pending: { perKey: 2 } })
    await call()
    await call()
    const answer = await call()
    expect([answer.status, await errorOf(answer)]).toEqual([429, 'rate_limited'])
    expect(answer.headers.get('retry-after')).toBe('60')
    stage.pass(60)
    expect((await call()).status).toBe(202)
  })

  it('does not wait when nobody could be told', async () => {
    await open()
    telling = () => {
      throw new Error('no mail')
    }
    const answer = await call()
    expect([answer.status, await errorOf(answer)]).toEqual([500, 'server_error'])
  })

  it('is carried out for the person it was made for, though it is polled with the agent token', async () => {
    await open()
    const token = await stage.personToken()
    const made = await stage.sam.request({ method: 'POST', url: `${resource}/person` }, { token })
    await stage.aauth.pending.approve(id())
    expect(await (await poll(locationOf(made))).json()).toEqual({ sold: 1, kind: 'person' })
  })

  it('is not carried out for a person token that was revoked meanwhile (R-223)', async () => {
    await open()
    const token = await stage.personToken()
    const made = await stage.sam.request({ method: 'POST', url: `${resource}/person` }, { token })
    const { iss, jti, exp } = (asked[0] as PendingView).caller.token
    await stage.aauth.revocations.record({ iss, jti, exp })
    await stage.aauth.pending.approve(id())
    const answer = await poll(locationOf(made))
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'revoked'])
    expect(sold).toBe(0)
  })

  it('may need a grant and two approvals, one after the other, at the same URL', async () => {
    await open()
    const token = await stage.personToken()
    const made = await stage.sam.request({ method: 'POST', url: `${resource}/two` }, { token })
    const pending = locationOf(made)
    const grant = await stage.grant('data.write')
    const second = await stage.sam.request({ url: pending }, { token: grant })
    expect([second.status, readRequirement(second)?.name]).toEqual([202, 'approval'])
    await stage.aauth.pending.approve(id())
    const third = await stage.sam.request({ url: pending }, { token: grant })
    expect([third.status, readRequirement(third)?.name]).toEqual([202, 'approval'])
    await stage.aauth.pending.approve((asked[1] as PendingView).id)
    const last = await stage.sam.request({ url: pending }, { token: grant })
    expect(await last.json()).toEqual({ sold: 1 })
    expect((await stage.sam.request({ url: pending }, { token: grant })).status).toBe(410)
  })
})

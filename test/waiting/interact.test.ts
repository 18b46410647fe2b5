import { deny, interact, type PolicyVerdict } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'
import { Visitor } from './visitor.js'

describe.each(adapters)('a call that a person has to approve on our page [adapter %s]', (adapter) => {
  let stage: Stage
  let ran: number
  let answer: () => PolicyVerdict
  const ask = (): PolicyVerdict => interact({ description: 'Sell the <house>' })
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/sell',
      requirement: { identity: 'agent', policy: () => answer() as ReturnType<typeof interact> },
      answer: ({ bytes }) => ({ ran: ++ran, bytes }),
    },
    {
      method: 'POST',
      path: '/link',
      requirement: { identity: 'person', policy: () => answer() as ReturnType<typeof interact> },
      answer: ({ caller }) => ({
        person: 'person' in caller ? caller.person : undefined,
        approvedBy: caller.approvedBy,
      }),
    },
    {
      method: 'GET',
      path: '/session',
      requirement: { session: { scope: 'data.read' }, policy: () => answer() as ReturnType<typeof interact> },
      answer: ({ caller }) => ({
        ran: ++ran,
        kind: caller.kind,
        scope: 'scope' in caller ? caller.scope : [],
      }),
    },
  ]
  beforeEach(async () => {
    ran = 0
    answer = ask
    stage = await openStage(adapter, {}, table)
  })
  afterEach(() => stage.close())

  const visit = async (response: Response, decision: 'approve' | 'decline'): Promise<string> => {
    const { url, code } = interactionOf(response)
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(`${url}?code=${code}`)
    await visitor.decide(page, decision)
    return page.text
  }
  const call = (): Promise<Response> =>
    stage.sam.request({ method: 'POST', url: `${resource}/sell?house=1`, body: 'one' })

  it('shows the call, and is carried out once after the approval', async () => {
    const first = await call()
    const text = await visit(first, 'approve')
    expect(text).toContain('Sell the &lt;house&gt;')
    expect(text).toContain('Let an agent do this once?')
    expect(text).toContain('<code dir="ltr">POST /sell?house=1</code>')
    const done = await stage.sam.request({ url: locationOf(first) })
    expect(await done.json()).toEqual({ ran: 1, bytes: 3 })
    expect((await stage.sam.request({ url: locationOf(first) })).status).toBe(410)
  })

  it('is carried out for the person it was made for, with the name of who approved it (G-39, G-76)', async () => {
    const token = await stage.personToken()
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as {
      sub: string
    }
    const first = await stage.sam.request({ method: 'POST', url: `${resource}/link` }, { token })
    await visit(first, 'approve')
    // The same key, for somebody else: it must not be that person who is linked to mom's account.
    const other = await stage.personToken(stage.town.person('dad'))
    const done = await stage.sam.request({ url: locationOf(first) }, { token: other })
    expect(await done.json()).toEqual({ person: { ps: 'https://ps.example', sub }, approvedBy: ['mom'] })
  })

  it('shows the content that will be carried out, as text and as much as there is room for', async () => {
    const show = async (type: string, body: string, more: [string, string][] = []): Promise<string> => {
      const headers: [string, string][] = [['Content-Type', type], ...more]
      const first = await stage.sam.request({ method: 'POST', url: `${resource}/sell`, headers, body })
      const { url, code } = interactionOf(first)
      return (await new Visitor(stage.town).open(`${url}?code=${code}`)).text
    }
    const order = await show('application/json', `{"copies":400,${' '.repeat(9000)}"for":"<b>3,200 EUR</b>"}`)
    expect(order).toContain(
      '&quot;copies&quot;:400, &quot;for&quot;:&quot;&lt;b&gt;3,200 EUR&lt;/b&gt;&quot;}',
    )
    expect(order).not.toContain('there is more')
    const long = await show('text/plain', `${'x'.repeat(5000)}the end`)
    expect([
      long.includes('there is more (<bdi>5,007 bytes, text/plain</bdi>)'),
      long.includes('the end'),
    ]).toEqual([true, false])
    const hidden = 'cannot be shown'
    expect(await show('application/octet-stream', 'abc')).toContain(hidden)
    expect(await show('application/json', '{}', [['Content-Encoding', 'gzip']])).toContain(hidden)
    expect(await show('text/plain', 'abc')).not.toContain(hidden)
    expect(await (await call()).status).toBe(202)
  })

  it('is not carried out when it is declined, or when the policy has changed its mind', async () => {
    const first = await call()
    await visit(first, 'decline')
    expect(await errorOf(await stage.sam.request({ url: locationOf(first) }))).toBe('denied')
    const second = await call()
    await visit(second, 'approve')
    answer = () => deny('too_late')
    const done = await stage.sam.request({ url: locationOf(second) })
    expect([done.status, await errorOf(done)]).toEqual([403, 'too_late'])
    expect(ran).toBe(0)
  })

  it('may come on top of a session, whose scopes the page explains', async () => {
    const url = `${resource}/session`
    const first = await stage.sam.request({ url })
    const text = await visit(first, 'approve')
    expect(text).toContain('<bdi>Read the data</bdi> <code dir="ltr">data.read</code>')
    const done = await stage.sam.request({ url: locationOf(first) })
    expect(await done.clone().json()).toEqual({ status: 'authorized', scope: 'data.read' })
    const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
    const second = await stage.sam.request({ url, headers })
    await visit(second, 'approve')
    const last = await stage.sam.request({ url: locationOf(second) })
    expect(await last.json()).toEqual({ ran: 1, kind: 'session', scope: ['data.read'] })
  })
})

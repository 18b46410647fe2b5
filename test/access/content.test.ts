import {
  allow,
  approval,
  deny,
  interact,
  type PendingView,
  type PolicyInput,
  type PolicyVerdict,
  type RequestContent,
} from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { interactionOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

interface Order {
  readonly copies: number
  readonly price: string
}

describe.each(adapters)('what is decided on is seen [adapter %s]', (adapter) => {
  let stage: Stage
  let seen: (RequestContent | undefined)[]
  let asked: PendingView[]
  let verdict: (order: Order) => PolicyVerdict
  const policy = ({ request }: PolicyInput): ReturnType<typeof approval> => {
    seen.push(request.content)
    const order = request.content?.json as Order | undefined
    return (order === undefined ? allow() : verdict(order)) as ReturnType<typeof approval>
  }
  const answer: TargetRoute['answer'] = ({ bytes }) => ({ bytes })
  const table: readonly TargetRoute[] = [
    { method: 'POST', path: '/orders', requirement: { identity: 'agent', content: true, policy }, answer },
    { method: 'GET', path: '/orders', requirement: { identity: 'agent', content: true, policy }, answer },
    { method: 'POST', path: '/blind', requirement: { identity: 'agent', policy }, answer },
    {
      method: 'POST',
      path: '/scoped',
      requirement: {
        scope: ({ content }) =>
          (content?.json as Order | undefined)?.copies === 1 ? 'data.read' : 'data.write',
        content: true,
      },
      answer,
    },
  ]
  beforeEach(async () => {
    seen = []
    asked = []
    verdict = ({ copies }) => (copies > 100 ? deny('too_many') : allow())
    stage = await openStage(adapter, { limits: { body: 2000 } }, table)
  })
  afterEach(() => stage.close())

  const order = '{"copies":400,"price":"3,200 EUR"}'
  const send = (
    body: string | Uint8Array,
    path = '/orders',
    headers: [string, string][] = [],
  ): Promise<Response> =>
    stage.sam.request({
      method: 'POST',
      url: `${resource}${path}`,
      headers: [['Content-Type', 'application/json'], ...headers],
      body,
    })

  it('by a policy, as bytes and parsed', async () => {
    const refused = await send(order)
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({ error: 'too_many' }),
    ])
    expect(seen[0]).toEqual({
      type: 'application/json',
      bytes: Buffer.from(order),
      json: { copies: 400, price: '3,200 EUR' },
    })
    const small = await send('{"copies":4}')
    expect([small.status, await small.json()]).toEqual([200, { bytes: 12 }])
  })

  it('by the functions of a requirement', async () => {
    const ask = async (body: string): Promise<number> => {
      const request = {
        method: 'POST',
        url: `${resource}/scoped`,
        headers: [['Content-Type', 'application/json']] as [string, string][],
        body,
      }
      return (await stage.sam.request(request, { token: await stage.grant('data.read') })).status
    }
    expect([await ask('{"copies":1}'), await ask('{"copies":2}')]).toEqual([200, 401])
  })

  it('only where the route asks for it', async () => {
    expect((await send(order, '/blind')).status).toBe(200)
    expect(seen).toEqual([undefined])
  })

  it('and has to be covered where there is some', async () => {
    const components = ['@method', '@authority', '@path', 'signature-key']
    const request = { method: 'POST', url: `${resource}/orders`, body: order }
    const headers: [string, string][] = [['Content-Type', 'application/json']]
    const refused = await stage.sam.request({ ...request, headers }, { components })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('signature-error')).toContain('"content-type" "content-digest"')
    expect(seen).toEqual([])
    const get = await stage.sam.request({ url: `${resource}/orders` }, { components })
    expect([get.status, seen]).toEqual([200, [undefined]])
  })

  it.each([
    ['a member twice', '{"copies":1,"copies":400}', [], 400],
    ['a content coding', '{"copies":1}', [['Content-Encoding', 'gzip']], 400],
    ['more than the limit', `{"copies":1,"x":"${'x'.repeat(2000)}"}`, [], 413],
  ] as [string, string, [string, string][], number][])(
    'and is refused before any policy with %s',
    async (_name, body, headers, status) => {
      expect((await send(body, '/orders', headers)).status).toBe(status)
      expect(seen).toEqual([])
    },
  )

  it('by whoever approves, and is what runs', async () => {
    verdict = () => approval({ ask: (view) => asked.push(view) })
    const first = await send(order)
    expect(first.status).toBe(202)
    const [view] = asked
    expect(view?.request).toEqual({
      method: 'POST',
      path: '/orders',
      query: '',
      content: {
        type: 'application/json',
        bytes: Buffer.from(order),
        json: { copies: 400, price: '3,200 EUR' },
      },
    })
    const found = await stage.aauth.pending.find(view?.id ?? '')
    expect(found?.request?.content?.json).toEqual({ copies: 400, price: '3,200 EUR' })
    await stage.aauth.pending.approve(view?.id ?? '')
    const done = await stage.sam.request({ url: locationOf(first) })
    expect([done.status, await done.json()]).toEqual([200, { bytes: order.length }])
    // The policy was asked once more, and saw the same.
    expect(seen.map((content) => content?.json)).toEqual([JSON.parse(order), JSON.parse(order)])
  })

  it('on our page, what cannot be seen included', async () => {
    verdict = ({ copies, price }) => interact({ description: `Order ${copies} copies for ${price}` })
    const first = await send('{"copies":400,"note":"</pre><b>\\u202egnihton","price":"3,200 EUR"}')
    const { url, code } = interactionOf(first)
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(`${url}?code=${code}`)
    expect(page.text).toContain('Order 400 copies for 3,200 EUR')
    expect(page.text).toContain(
      '<pre dir="ltr">{&quot;copies&quot;:400,&quot;note&quot;:&quot;&lt;/pre&gt;&lt;b&gt;\\u202egnihton&quot;,&quot;price&quot;:&quot;3,200 EUR&quot;}</pre>',
    )
    await visitor.decide(page, 'approve')
    expect((await stage.sam.request({ url: locationOf(first) })).status).toBe(200)
  })

  it('on our page by type and size where it is no text', async () => {
    verdict = () => allow()
    const bytes = Buffer.from([0xff, 0xfe])
    const routes: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/image',
        requirement: { identity: 'agent', content: true, policy: () => interact() },
        answer,
      },
    ]
    const other = await openStage(adapter, {}, routes)
    try {
      const headers: [string, string][] = [['Content-Type', 'text/plain']]
      const first = await other.sam.request({
        method: 'POST',
        url: `${resource}/image`,
        headers,
        body: bytes,
      })
      const { url, code } = interactionOf(first)
      const page = await new Visitor(other.town).open(`${url}?code=${code}`)
      expect(page.text).toContain('content that cannot be shown (<bdi>2 bytes, text/plain</bdi>)')
    } finally {
      await other.close()
    }
  })
})

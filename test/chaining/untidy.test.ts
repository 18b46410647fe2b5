import { createMemoryStore, type Onward, type Store } from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { coreAdapters, resource, startTarget } from '../target/start.js'
import { Browser } from './browser.js'
import { errorOf, pageOf, pendingOf } from './deferred.js'
import { openStage, type Stage, type StageOptions, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

type Serve = (request: Request) => Response | undefined | Promise<Response | undefined>

const orders = `${supplier}/orders`
const mill = 'https://mill.example'

/** A page of the supplier's own, before it does what it is asked. */
const wait = (location: string, url = `${supplier}/page`, code = 'ABCD-EFGH') =>
  new Response(null, {
    status: 202,
    headers: {
      'AAuth-Requirement': `requirement=interaction;url="${url}";code="${code}"`,
      Location: location,
      'Retry-After': '0',
      'Cache-Control': 'no-store',
    },
  })

const broken = (status: number) =>
  new Response(
    new ReadableStream({
      pull(controller) {
        controller.error(new Error('the connection was reset'))
      },
    }),
    { status, headers: { 'Content-Type': 'application/json' } },
  )

describe.each(coreAdapters)('calls onward that go wrong [adapter %s]', (adapter) => {
  let stage: Stage
  let token: string
  let sent: Request[]
  afterEach(() => stage.close())

  /** Whatever `serve` answers comes of no supplier. */
  const open = async (serve: Serve, options: StageOptions = {}) => {
    sent = []
    let through: typeof fetch = fetch
    const served: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      sent.push(request.clone())
      return (await serve(request.clone())) ?? through(request)
    }
    stage = await openStage(adapter, {
      ...options,
      shop: { ...options.shop, onward: { fetch: served, ...options.shop?.onward } },
    })
    through = stage.town.fetchAs('shop')
    token = await stage.grant()
  }
  const poll = (url: string, presented = token) => stage.sam.request({ url }, { token: presented })
  const count = (method: string, url: string) =>
    sent.filter((one) => one.method === method && one.url === url).length
  const table = (answer: (send: Onward) => unknown): readonly TargetRoute[] => [
    {
      method: 'POST',
      path: '/order',
      requirement: { scope: 'data.write', onward: true },
      answer: async ({ onward }) => answer(onward()),
    },
  ]

  describe('while the supplier’s own page is waited for', () => {
    it('end with an answer that breaks off', async () => {
      await open(({ method, url }) => {
        if (url === orders) return wait('/p')
        return url === `${supplier}/p` && method === 'GET' ? broken(201) : undefined
      })
      const deferred = await stage.order(token)
      const ended = await poll(pendingOf(deferred))
      expect([ended.status, await errorOf(ended)]).toEqual([502, 'supplier_failed'])
      expect((await poll(pendingOf(deferred))).status).toBe(410)
    })

    it('wait on where a refusal breaks off', async () => {
      await open(({ url }) => {
        if (url === orders) return wait('/p')
        return url === `${supplier}/p` ? broken(403) : undefined
      })
      const deferred = await stage.order(token)
      const later = await poll(pendingOf(deferred))
      expect([later.status, await errorOf(later)]).toEqual([503, 'supplier_unavailable'])
      expect(later.headers.get('retry-after')).toBe('5')
    })

    it.each([600, 999])('end with a status that there is not, %i', async (status) => {
      await open(({ url }) => {
        if (url === orders) return wait('/p')
        if (url !== `${supplier}/p`) return undefined
        const odd = new Response('{}', { headers: { 'Content-Type': 'application/json' } })
        Object.defineProperty(odd, 'status', { value: status })
        return odd
      })
      const deferred = await stage.order(token)
      const ended = await poll(pendingOf(deferred))
      expect(ended.status).toBe(502)
    })

    it('ends where the supplier wants something that nobody can bring any more', async () => {
      await open(({ url }) => {
        if (url === orders) return wait('/p')
        if (url !== `${supplier}/p`) return undefined
        const headers = { 'AAuth-Requirement': 'requirement=clarification', 'Retry-After': '0' }
        return new Response('{"clarification":"Why?"}', { status: 202, headers })
      })
      const deferred = await stage.order(token)
      const ended = await poll(pendingOf(deferred))
      expect([ended.status, await errorOf(ended)]).toEqual([403, 'interaction_required'])
    })

    it.each([
      'https://supplier.example@evil.example/page',
      'https://supplier.example:x@evil.example/page',
      'https://evil.example\\@supplier.example/page',
      'https:///evil.example/page',
      'https://supplier.example/page?x=1',
      'http://supplier.example/page',
    ])('sends nobody to %s', async (url) => {
      await open((request) => (request.url === orders ? wait('/p', url.replace('\\', '\\\\')) : undefined))
      const refused = await stage.order(token)
      expect([refused.status, await errorOf(refused)]).toEqual([502, 'supplier_failed'])
    })

    it('are called off at the supplier when the token is revoked (R-324)', async () => {
      await open(({ url, method }) => {
        if (url === orders) return wait('/revoked')
        if (url !== `${supplier}/revoked`) return undefined
        return method === 'DELETE' ? new Response(null, { status: 204 }) : wait('/revoked')
      })
      const deferred = await stage.order(token)
      const { iss, jti, exp } = decodeJwt(token) as { iss: string; jti: string; exp: number }
      await stage.shop.revocations.record({ iss, jti, exp })
      const ended = await poll(pendingOf(deferred), (await stage.sam.agentToken()).jwt)
      expect([ended.status, await errorOf(ended)]).toEqual([403, 'revoked'])
      await expect.poll(() => count('DELETE', `${supplier}/revoked`)).toBe(1)
    })
  })

  it('wait for one page at a time, and call off the others that would be asked for anew', async () => {
    let approved = ''
    const taken: string[] = []
    await open(
      async ({ method, url }) => {
        const { origin, pathname } = new URL(url)
        if (origin !== mill && origin !== supplier) return undefined
        if (method === 'POST') return wait(`${origin}/p`, `${origin}/page`)
        if (pathname !== '/p') return undefined
        if (method === 'DELETE') return new Response(null, { status: 204 })
        if (origin !== approved) return wait('/p', `${origin}/page`)
        taken.push(origin)
        return Response.json({ from: origin }, { status: 201 })
      },
      {
        table: table(async (send) => {
          const [a, b] = await Promise.all([
            send(orders, { method: 'POST', body: 'a' }),
            send(`${mill}/orders`, { method: 'POST', body: 'b' }),
          ])
          return { a: a.status, b: b.status }
        }),
      },
    )
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    const calledOff = () => sent.filter(({ method }) => method === 'DELETE').map(({ url }) => url)
    await expect.poll(calledOff).toHaveLength(1)
    const [first, second] = calledOff()[0] === `${mill}/p` ? [supplier, mill] : [mill, supplier]
    approved = first
    const again = await poll(pendingOf(deferred))
    expect(again.status).toBe(202)
    approved = second
    const done = await poll(again.headers.get('location') ?? pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { a: 201, b: 201 }])
    expect(taken).toEqual([first, second])
  })

  it('end where one page after the other is to be opened', async () => {
    let pages = 0
    await open(({ url }) => {
      if (url === orders) return wait('/p')
      return url === `${supplier}/p` ? wait('/p', undefined, `PAGE-${++pages}`) : undefined
    })
    let answer = await stage.order(token)
    // One at a time, however it hurries.
    answer = await poll(pendingOf(answer))
    expect([answer.status, pages]).toEqual([202, 1])
    for (let polls = 0; answer.status === 202 && polls < 40; polls++) {
      stage.pass(10)
      answer = await poll(pendingOf(answer))
    }
    expect([answer.status, await errorOf(answer)]).toEqual([502, 'supplier_failed'])
  })

  it('are called off at the first pending URL as well', async () => {
    // A path of its own: what the test before has called off may be on its way still.
    let pages = 0
    await open(({ url, method }) => {
      if (url === orders) return wait('/first')
      if (url !== `${supplier}/first`) return undefined
      return method === 'DELETE'
        ? new Response(null, { status: 204 })
        : wait('/first', undefined, `PAGE-${++pages}`)
    })
    const deferred = await stage.order(token)
    const next = await poll(pendingOf(deferred))
    expect(next.status).toBe(202)
    const request = { method: 'DELETE', url: pendingOf(deferred) }
    expect((await stage.sam.request(request, { token })).status).toBe(204)
    await expect.poll(() => count('DELETE', `${supplier}/first`)).toBe(1)
    expect((await poll(pendingOf(next))).status).toBe(410)
  })

  it('are made once, whoever polls and calls off at once', async () => {
    await open(() => undefined, { mom: { consent: () => ({ decision: true, after: 'visit' }) } })
    for (let i = 0; i < 4; i++) {
      const before = stage.orders.length
      const deferred = await stage.order(await stage.grant())
      await new Browser(stage.town).open(pageOf(deferred))
      const request = (method: string) =>
        stage.sam.request({ method, url: pendingOf(deferred) }, { token }).then(({ status }) => status)
      const all = await Promise.all(['GET', 'GET', 'DELETE', 'GET', 'DELETE'].map(request))
      const served = all.filter((status) => status === 200).length
      expect(stage.orders.length - before).toBe(served)
      expect(served + all.filter((status) => status === 204).length).toBeLessThanOrEqual(1)
      expect([200, 202, 204, 410, 429]).toEqual(expect.arrayContaining(all))
    }
  })

  it('of many callers at once are each made for who has called', async () => {
    await open(() => undefined, {
      orders: ({ caller }) => ({ sub: caller && 'person' in caller && caller.person }),
    })
    const people = ['ann', 'ben', 'cem', 'dora'].map((name) => stage.town.person(name))
    const tokens = await Promise.all(
      people.map((person) =>
        stage.town.ps.mintAuthToken({ person, resource, cnf: stage.sam.key.cnf, scope: 'data.write' }),
      ),
    )
    const known = new Map<string, Set<number>>()
    await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const who = await (await stage.order(tokens[i % 4] as string)).text()
        known.set(who, (known.get(who) ?? new Set()).add(i % 4))
      }),
    )
    expect([...known.values()].map(({ size }) => size)).toEqual([1, 1, 1, 1])
  })

  it('are made in any order when the handler runs again', async () => {
    let run = 0
    await open(({ url }) => (url === `${mill}/flour` ? Response.json({}, { status: 201 }) : undefined), {
      mom: {
        consent: ({ resource: where }) => (where === supplier ? { decision: true, after: 'visit' } : true),
      },
      table: table(async (send) => {
        run++
        let turn = (): void => undefined
        const first = new Promise<void>((resolve) => {
          turn = resolve
        })
        const flour = async () => {
          // Something else is done before.
          if (run > 1) await first
          return send(`${mill}/flour`, { method: 'POST', body: '{}' })
        }
        const bread = async () => {
          const response = send(orders, { method: 'POST', body: '{}' })
          setTimeout(turn, 50)
          return response
        }
        const [a, b] = await Promise.all([flour(), bread()])
        return { flour: a.status, bread: b.status }
      }),
    })
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    await new Browser(stage.town).open(pageOf(deferred))
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { flour: 201, bread: 201 }])
    expect([count('POST', `${mill}/flour`), stage.orders.length]).toEqual([1, 1])
  })

  it('are left to who knows what was done, where another process cannot read it', async () => {
    const store = createMemoryStore({})
    let fails = false
    const failing: Store = {
      get: (key) => store.get(key),
      delete: (key) => store.delete(key),
      // The first process knows the end of the wait, and gets no further.
      put: (key, value, ttl) => {
        fails ||= /chain$/.test(key)
        return store.put(key, value, ttl)
      },
      claim: async (key, value, ttl) => {
        if (fails) throw new Error('down')
        return store.claim(key, value, ttl)
      },
    }
    const shop = (secret: string) => ({ onward: { secrets: [secret.repeat(43)] }, store: failing })
    const buys = table(async (send) => {
      await send(`${mill}/flour`, { method: 'POST', body: '{}' })
      return { bread: (await send(orders, { method: 'POST', body: '{}' })).status }
    })
    const serve: Serve = ({ url }) =>
      url === `${mill}/flour` ? Response.json({}, { status: 201 }) : undefined
    await open(serve, {
      shop: shop('A'),
      table: buys,
      mom: {
        consent: ({ resource: where }) => (where === supplier ? { decision: true, after: 'visit' } : true),
      },
    })
    const through = stage.town.fetchAs('another')
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const request = new Request(input, init)
      sent.push(request.clone())
      return (await serve(request)) ?? through(request)
    }
    const { town } = stage
    const another = await startTarget(
      adapter,
      0,
      { fetch: through, clock: town.clock, ...shop('B'), onward: { ...shop('B').onward, fetch } },
      buys,
    )
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    const late = async () => {
      town.route('rs.example', another.port)
      // It does not end the call either, however often it is asked.
      for (let i = 0; i < 3; i++) {
        const later = await poll(pendingOf(deferred))
        expect([later.status, later.headers.has('retry-after')]).toEqual([503, true])
        stage.pass(8)
      }
      town.route('rs.example', stage.port)
    }
    await late()
    expect((await poll(pendingOf(deferred))).status).toBe(503)
    expect(fails).toBe(true)
    fails = false
    await late()
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { bread: 201 }])
    expect([count('POST', `${mill}/flour`), stage.orders.length]).toEqual([1, 1])
    await another.close()
  })

  it('that a handler gives up are not made again', async () => {
    let giveUp = (): void => undefined
    await open(
      ({ url, signal }) =>
        url === `${mill}/flour`
          ? new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
              giveUp()
            })
          : undefined,
      {
        mom: {
          consent: ({ resource: where }) => (where === supplier ? { decision: true, after: 'visit' } : true),
        },
        table: table(async (send) => {
          const given = new AbortController()
          giveUp = () => given.abort()
          const { signal } = given
          const flour = await send(`${mill}/flour`, { method: 'POST', body: '{}', signal }).catch(() => null)
          const bread = await send(orders, { method: 'POST', body: '{}' })
          return { flour, bread: bread.status }
        }),
      },
    )
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    await new Browser(stage.town).open(pageOf(deferred))
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([200, { flour: null, bread: 201 }])
    expect(count('POST', `${mill}/flour`)).toBe(1)
  })

  it('may have content that is empty', async () => {
    const bodies = ['', new Uint8Array(0), new Blob([])]
    await open(({ url }) => (url === orders ? new Response(null, { status: 204 }) : undefined), {
      table: table(async (send) => {
        const found: number[] = []
        for (const body of bodies) found.push((await send(orders, { method: 'POST', body })).status)
        return found
      }),
    })
    const response = await stage.order(token)
    expect([response.status, await response.json()]).toEqual([200, [204, 204, 204]])
  })

  it('of one caller are waited for by no other', async () => {
    let shared: Promise<Response> | undefined
    await open(() => undefined, {
      mom: { consent: () => ({ decision: true, after: 'visit' }) },
      table: table(async (send) => {
        shared ??= send(orders, { method: 'POST', body: '{}' })
        return { status: (await shared).status }
      }),
    })
    const dad = stage.town.person('dad')
    const dads = await stage.town.ps.mintAuthToken({
      person: dad,
      resource,
      cnf: stage.sam.key.cnf,
      scope: 'data.write',
    })
    expect((await stage.order(token)).status).toBe(202)
    const refused = await stage.order(dads)
    expect([refused.status, await errorOf(refused)]).toEqual([403, 'interaction_required'])
  })
})

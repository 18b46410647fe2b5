import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, interact, type PendingView } from '@countersign/core'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { aauth, approval } from '@countersign/express'
import express, { type RequestHandler } from 'express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource, startTarget } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

describe('guards that follow each other on one request', () => {
  let town: Town
  let sam: Agent
  let server: Server | undefined
  let asked: [string, PendingView][]
  const open = async (app: express.Express): Promise<void> => {
    server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
  }
  beforeEach(async () => {
    asked = []
    town = await createTown()
    sam = town.agent('sam', { person: town.person('mom') })
  })
  afterEach(async () => {
    server?.close()
    server?.closeAllConnections()
    await town.close()
  })
  const wants = (who: string) => () => approval({ ask: (pending) => void asked.push([who, pending]) })
  const order = (): Promise<Response> => sam.request({ method: 'POST', url: `${resource}/shop/orders` })
  const guardOf = () => aauth({ resource, fetch: town.fetchAs('rs.example') })
  /** The desk asks only when the request is signed; a held call is not, when it is carried out. */
  const openBehind = async (guard: ReturnType<typeof guardOf>, desk: RequestHandler): Promise<void> => {
    const app = express().use(guard.endpoints())
    app.use((req, res, next) => (req.headers['signature'] === undefined ? next() : desk(req, res, next)))
    app.post('/shop/orders', guard.require({ identity: 'agent', policy: wants('finance') }), (_req, res) => {
      res.end()
    })
    await open(app)
  }
  const approveAll = async (pending: string, pendings: ReturnType<typeof guardOf>): Promise<string[]> => {
    const seen: string[] = []
    for (let i = 0; i < 5; i++) {
      const [who, { id }] = asked.at(-1) as [string, PendingView]
      seen.push(who)
      await pendings.server.pending.approve(id)
      if ((await sam.request({ url: pending })).status === 200) return seen
    }
    throw new Error('asked without an end')
  }

  it('each need an approval of their own: the front desk approves nothing for finance', async () => {
    const guard = guardOf()
    const router = express.Router().use(guard.require({ identity: 'agent', policy: wants('desk') }))
    router.post('/orders', guard.require({ identity: 'agent', policy: wants('finance') }), (_req, res) => {
      res.end()
    })
    await open(express().use(guard.endpoints()).use('/shop', router))
    expect(await approveAll(locationOf(await order()), guard)).toEqual(['desk', 'finance'])
  })

  it('share the approval of a rule that all of them have', async () => {
    const guard = guardOf().with({ policy: wants('house') })
    const router = express.Router().use(guard.require('agent'))
    router.post('/orders', guard.require({ identity: 'agent', policy: wants('finance') }), (_req, res) => {
      res.end()
    })
    await open(express().use(guard.endpoints()).use('/shop', router))
    expect(await approveAll(locationOf(await order()), guard as never)).toEqual(['house', 'finance'])
  })

  it('are told apart where one is made anew for each request', async () => {
    const guard = guardOf()
    const app = express().use(guard.endpoints())
    app.use((req, res, next) => guard.require({ identity: 'agent', policy: wants('desk') })(req, res, next))
    app.post('/shop/orders', guard.require({ identity: 'agent', policy: wants('finance') }), (_req, res) => {
      res.end()
    })
    await open(app)
    expect(await approveAll(locationOf(await order()), guard)).toEqual(['desk', 'finance'])
  })

  it('take no approval for another’s when the first is left out the second time', async () => {
    const guard = guardOf()
    const desk = guard.require({
      identity: 'agent',
      policy: () => approval({ ask: (pending) => void asked.push(['desk', pending]) }),
    })
    await openBehind(guard, desk)
    expect(await approveAll(locationOf(await order()), guard)).toEqual(['desk', 'finance'])
  })

  it('take none either where one function has made both policies', async () => {
    const guard = guardOf()
    const desk = guard.require({ identity: 'agent', policy: wants('desk') })
    await openBehind(guard, desk)
    expect(await approveAll(locationOf(await order()), guard)).toEqual(['desk', 'finance'])
  })

  it('take what is called like a place for a name only', async () => {
    const guard = guardOf()
    const router = express.Router().use(
      guard.require({
        identity: 'agent',
        policy: () =>
          approval({ subject: 'approval of policy 0 of guard 1', ask: (p) => void asked.push(['desk', p]) }),
      }),
    )
    router.post('/orders', guard.require({ identity: 'agent', policy: wants('finance') }), (_req, res) => {
      res.end()
    })
    await open(express().use(guard.endpoints()).use('/shop', router))
    expect(await approveAll(locationOf(await order()), guard)).toEqual(['desk', 'finance'])
  })
})

describe.each(adapters)('two resources on one store [adapter %s]', (adapter) => {
  it('carry out, show and decide nothing of each other’s', async () => {
    const asked: PendingView[] = []
    let ran = 0
    const policy = () => approval({ ask: (pending: PendingView) => void asked.push(pending) })
    const table: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/pay',
        requirement: { identity: 'agent', policy },
        answer: () => ({ ran: ++ran }),
      },
      { method: 'GET', path: '/session', requirement: { session: true }, answer: () => ({}) },
    ]
    const town = await createTown()
    const store = createMemoryStore({ clock: town.clock })
    const shared = { store, clock: town.clock, fetch: town.fetch }
    const one = await startTarget(adapter, 0, shared, table)
    const two = await startTarget(adapter, 0, { ...shared, resource: 'https://vault.example' }, table)
    try {
      town.route('rs.example', one.port)
      town.route('vault.example', two.port)
      const sam = town.agent('sam', { person: town.person('mom') })
      const pending = locationOf(await sam.request({ method: 'POST', url: `${resource}/pay` }))
      const { id } = asked[0] as PendingView
      expect(await two.aauth.pending.find(id)).toBe(undefined)
      expect(await two.aauth.pending.approve(id)).toBe(false)
      expect(await one.aauth.pending.approve(id)).toBe(true)
      const there = pending.replace(resource, 'https://vault.example')
      expect((await sam.request({ url: there })).status).toBe(404)
      expect((await sam.request({ method: 'DELETE', url: there })).status).toBe(404)
      expect(ran).toBe(0)
      const { url, code } = interactionOf(await sam.request({ url: `${resource}/session` }))
      const page = await town.fetch(`${url.replace(resource, 'https://vault.example')}?code=${code}`)
      expect(page.status).toBe(410)
      expect((await sam.request({ url: pending })).status).toBe(200)
      expect(ran).toBe(1)
    } finally {
      await two.close()
      await one.close()
      await town.close()
    }
  })
})

describe.each(adapters)('who may approve (G-76) [adapter %s]', (adapter) => {
  let stage: Stage
  /** Who is signed in to the application. */
  let user: string
  let owners: string | readonly string[] | undefined
  let seen: (readonly string[])[]
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/transfers',
      requirement: {
        identity: 'agent',
        policy: ({ approvedBy }) => {
          seen.push(approvedBy)
          return interact(owners === undefined ? {} : { by: owners })
        },
      },
      answer: ({ caller }) => ({ approvedBy: caller.approvedBy }),
    },
    {
      method: 'GET',
      path: '/session',
      requirement: { session: { by: () => owners } },
      answer: ({ caller }) => ({ user: caller.kind === 'session' ? caller.user : undefined }),
    },
    {
      method: 'POST',
      path: '/session/transfers',
      requirement: { session: true, policy: () => interact() },
      answer: ({ caller }) => ({
        user: caller.kind === 'session' ? caller.user : undefined,
        approvedBy: caller.approvedBy,
      }),
    },
  ]
  beforeEach(async () => {
    user = 'mom'
    owners = 'mom'
    seen = []
    stage = await openStage(adapter, { interaction: { login: () => user, insecureCookie: true } }, table)
  })
  afterEach(() => stage.close())

  const call = (path: string, method = 'POST', session?: string): Promise<Response> =>
    stage.sam.request({
      method,
      url: `${resource}${path}`,
      body: method === 'GET' ? '' : '{"copies":400}',
      headers: [
        ...(method === 'GET' ? [] : [['Content-Type', 'application/json'] as const]),
        ...(session === undefined ? [] : [['Authorization', `AAuth ${session}`] as const]),
      ],
    })
  const poll = (waiting: Response): Promise<Response> => stage.sam.request({ url: locationOf(waiting) })
  const open = async (waiting: Response): Promise<[Visitor, Awaited<ReturnType<Visitor['open']>>]> => {
    const { url, code } = interactionOf(waiting)
    const visitor = new Visitor(stage.town)
    return [visitor, await visitor.open(`${url}?code=${code}`)]
  }
  const approve = async (waiting: Response): Promise<void> => {
    const [visitor, page] = await open(waiting)
    await visitor.decide(page, 'approve')
  }
  const connect = async (): Promise<string> => {
    const waiting = await call('/session', 'GET')
    await approve(waiting)
    return (await poll(waiting)).headers.get('aauth-access') as string
  }

  it('is told to the policy and to the handler', async () => {
    const waiting = await call('/transfers')
    await approve(waiting)
    expect(await (await poll(waiting)).json()).toEqual({ approvedBy: ['mom'] })
    expect(seen).toEqual([[], ['mom']])
  })

  it('is told by whoever approves over another channel, too', async () => {
    owners = undefined
    const waiting = await call('/transfers')
    const id = locationOf(waiting).split('/').at(-1) as string
    await stage.aauth.pending.approve(id, { user: 'clerk' })
    expect(await (await poll(waiting)).json()).toEqual({ approvedBy: ['clerk'] })
  })

  it('is not somebody else, who sees nothing of the call and decides nothing', async () => {
    const waiting = await call('/transfers')
    user = 'eve'
    const [visitor, page] = await open(waiting)
    expect([page.status, page.text]).toEqual([403, expect.not.stringContaining('transfers')])
    expect(page.text).not.toContain('400')
    user = 'mom'
    const hers = await visitor.open(new URL(interactionOf(waiting).url).pathname)
    expect(hers.text).toContain('/transfers')
    user = 'eve'
    expect((await visitor.decide(hers, 'approve')).status).toBe(403)
    expect((await visitor.decide(hers, 'decline')).status).toBe(403)
    expect((await poll(waiting)).status).toBe(202)
    const id = locationOf(waiting).split('/').at(-1) as string
    expect(await stage.aauth.pending.approve(id)).toBe(false)
    expect(await stage.aauth.pending.approve(id, { user: 'eve' })).toBe(false)
    user = 'mom'
    await visitor.decide(hers, 'approve')
    expect((await poll(waiting)).status).toBe(200)
  })

  it('is asked again when the call is carried out', async () => {
    owners = ['mom', 'dad']
    const waiting = await call('/transfers')
    user = 'dad'
    await approve(waiting)
    owners = ['mom']
    const again = await poll(waiting)
    expect(again.status).toBe(202)
    user = 'mom'
    await approve(again)
    expect(await (await poll(waiting)).json()).toEqual({ approvedBy: ['dad', 'mom'] })
  })

  it('is nobody where the policy names nobody', async () => {
    for (const nobody of [[], '', ['']]) {
      owners = nobody
      const answer = await call('/transfers')
      expect([answer.status, await errorOf(answer)]).toEqual([500, 'server_error'])
    }
    expect(() => interact({ by: undefined } as never)).toThrow(TypeError)
  })

  it('of a session’s call is the person whose session it is', async () => {
    const session = await connect()
    const waiting = await call('/session/transfers', 'POST', session)
    user = 'eve'
    expect((await open(waiting))[1].status).toBe(403)
    const again = await call('/session/transfers', 'POST', session)
    user = 'mom'
    await approve(again)
    expect(await (await poll(again)).json()).toEqual({ user: 'mom', approvedBy: ['mom'] })
  })

  it('of a session is whom the route names; a session of somebody else’s is none there', async () => {
    const waiting = await call('/session', 'GET')
    user = 'eve'
    expect((await open(waiting))[1].status).toBe(403)
    user = 'mom'
    const session = await connect()
    expect((await call('/session', 'GET', session)).status).toBe(200)
    owners = 'dad'
    expect((await call('/session', 'GET', session)).status).toBe(202)
    owners = undefined
    expect((await call('/session', 'GET', session)).status).toBe(403)
    expect(() => stage.aauth.require({ session: { by: [] } })).toThrow(/session.by: must name/)
    expect(() => stage.aauth.require({ session: { by: undefined } as never })).toThrow(
      /session.by: must name/,
    )
  })
})

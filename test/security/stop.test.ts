import {
  allow,
  approval,
  createMemoryStore,
  type DenialSubject,
  type PendingView,
  type Store,
  stepUp,
} from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

const ps = 'https://ps.example'

describe.each(adapters)('stop [adapter %s]', (adapter) => {
  let stage: Stage
  let asked: PendingView[]
  let ran: number
  /** Fails while it is a reason to. */
  let fails: (operation: string, key: string) => boolean
  /** What writes once more each that was written of denials, as a client does that has lost its connection before the answer. */
  let sent: (() => unknown)[]
  const policy = () => approval({ ask: (pending: PendingView) => void asked.push(pending) })
  const table: readonly TargetRoute[] = [
    { method: 'GET', path: '/session', requirement: { session: true }, answer: ({ caller }) => caller },
    {
      method: 'POST',
      path: '/held',
      requirement: { scope: 'data.write', deliver: 'held' },
      answer: () => ({ ran: ++ran }),
    },
    {
      method: 'POST',
      path: '/both',
      requirement: { scope: 'data.write', deliver: 'held', policy },
      answer: () => ({ ran: ++ran }),
    },
    {
      method: 'POST',
      path: '/twice',
      requirement: {
        identity: 'any',
        policy: [policy, () => approval({ subject: 'second', ask: (pending) => void asked.push(pending) })],
      },
      answer: () => ({ ran: ++ran }),
    },
    {
      method: 'POST',
      path: '/then',
      requirement: {
        scope: 'data.read',
        deliver: 'held',
        policy: [
          policy,
          ({ caller }) => (caller.scope.includes('data.write') ? allow() : stepUp({ scope: 'data.write' })),
        ],
      },
      answer: () => ({ ran: ++ran }),
    },
    {
      method: 'POST',
      path: '/approved',
      requirement: { identity: 'any', policy },
      answer: () => ({ ran: ++ran }),
    },
  ]
  beforeEach(async () => {
    asked = []
    ran = 0
    fails = () => false
    sent = []
    let clock = (): number => Date.UTC(2026, 10, 1)
    const memory = createMemoryStore({ clock: () => clock() })
    const reach = (operation: string, key: string): Store => {
      if (fails(operation, key)) throw new Error('the store is away')
      return memory
    }
    const noted = <A>(key: string, write: () => A): A => {
      // What the store is tried with is written at any time, and is not tried here.
      if (key.startsWith('deny:')) sent.push(write)
      return write()
    }
    const store: Store = {
      get: (key) => reach('get', key).get(key),
      put: (key, value, ttl) => noted(key, () => reach('put', key).put(key, value, ttl)),
      claim: (key, value, ttl) => noted(key, () => reach('claim', key).claim(key, value, ttl)),
      delete: (key) => noted(key, () => reach('delete', key).delete(key)),
    }
    stage = await openStage(adapter, { store }, table)
    clock = stage.town.clock
  })
  afterEach(() => stage.close())

  const call = (path: string, token: string, method = 'POST'): Promise<Response> =>
    stage.sam.request({ method, url: `${resource}${path}` }, { token })
  /** With the agent token, unless another is given. */
  const poll = async (pending: string, token?: string): Promise<[number, unknown]> => {
    const response = await stage.sam.request({ url: pending }, token === undefined ? {} : { token })
    return [response.status, response.status < 400 ? undefined : await errorOf(response)]
  }
  const nameOf = (token: string): { iss: string; jti: string; exp: number } =>
    decodeJwt(token) as { iss: string; jti: string; exp: number }
  const revoke = async (token: string): Promise<string> => {
    const { jti, exp } = nameOf(token)
    return (await stage.town.ps.revoke(jti, exp, resource)).outcome
  }
  const mom = (): { ps: string; sub: string } => {
    const [{ caller }] = asked as [PendingView]
    if (caller.kind === 'agent') throw new Error('an agent is no person')
    return caller.person
  }
  const deny = (subject: DenialSubject): Promise<unknown> => stage.aauth.denials.add({ subject })
  const personOf = async (token: string): Promise<{ ps: string; sub: string }> => {
    const { sub } = decodeJwt(token)
    return { ps, sub: sub as string }
  }

  /** Everything that stops what was begun with a person token, and what its poll is then told. */
  const stops: readonly (readonly [string, (token: string) => Promise<unknown>, string])[] = [
    ['the revocation of the token', revoke, 'revoked'],
    [
      'the denial of the token',
      (token) => deny({ token: { iss: ps, jti: nameOf(token).jti } }),
      'access_denied',
    ],
    ['the denial of the person', async (token) => deny({ person: await personOf(token) }), 'access_denied'],
    ['the denial of the issuer', () => deny({ issuer: ps }), 'access_denied'],
  ]

  describe.each(stops)('by %s', (_, stop, error) => {
    it('reaches a session that was approved and not fetched', async () => {
      const token = await stage.personToken()
      const pending = locationOf(await call('/session', token, 'GET'))
      await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user: 'mom' })
      await stop(token)
      expect(await poll(pending)).toEqual([403, error])
      expect(await poll(pending)).toEqual([410, 'gone'])
    })

    it('reaches a running session, whatever token it is used with', async () => {
      const token = await stage.personToken()
      const pending = locationOf(await call('/session', token, 'GET'))
      await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user: 'mom' })
      const done = await stage.sam.request({ url: pending })
      const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
      const use = async (): Promise<number> =>
        (await stage.sam.request({ url: `${resource}/session`, headers })).status
      expect(await use()).toBe(200)
      await stop(token)
      expect(await use()).toBe(202)
      // The session outlives what is known of the token.
      stage.pass(8000)
      expect(await use()).toBe(202)
    })

    it('reaches a call that was approved and not carried out, though it is polled with the agent token', async () => {
      const token = await stage.personToken()
      const pending = locationOf(await call('/approved', token))
      expect(await stage.aauth.pending.approve((asked[0] as PendingView).id)).toBe(true)
      await stop(token)
      expect(await poll(pending)).toEqual([403, error])
      expect(await poll(pending)).toEqual([410, 'gone'])
      expect(ran).toBe(0)
    })

    it('leaves nothing to approve, nor to look at', async () => {
      const token = await stage.personToken()
      locationOf(await call('/approved', token))
      await stop(token)
      const { id } = asked[0] as PendingView
      expect(await stage.aauth.pending.find(id)).toBe(undefined)
      expect(await stage.aauth.pending.approve(id)).toBe(false)
    })

    it('closes the page, before and after somebody has arrived', async () => {
      const [first, second] = [await stage.personToken(), await stage.personToken()]
      const [open, opened] = [await call('/session', first, 'GET'), await call('/session', second, 'GET')]
      const visitor = new Visitor(stage.town)
      const { url, code } = interactionOf(opened)
      const page = await visitor.open(`${url}?code=${code}`)
      expect(page.status).toBe(200)
      await stop(first)
      await stop(second)
      const decided = await visitor.decide(page, 'approve')
      expect([decided.status, decided.text]).toEqual([403, expect.stringContaining('stopped')])
      const other = interactionOf(open)
      const late = await new Visitor(stage.town).request(`${new URL(other.url).pathname}?code=${other.code}`)
      expect(late.status).toBe(410)
      expect(await poll(locationOf(opened))).toEqual([403, error])
    })
  })

  it('reaches a held call by the token it was begun with, whatever has been granted since', async () => {
    for (const stop of [revoke, (token: string) => deny({ token: { iss: ps, jti: nameOf(token).jti } })]) {
      const token = await stage.personToken()
      const pending = locationOf(await call('/held', token))
      await stop(token)
      const grant = await stage.grant('data.write')
      expect((await poll(pending, grant))[0]).toBe(403)
      expect(await poll(pending, grant)).toEqual([410, 'gone'])
    }
    expect(ran).toBe(0)
  })

  it('reaches the answer that is kept of one', async () => {
    const token = await stage.personToken()
    const pending = locationOf(await call('/held', token))
    const grant = await stage.grant('data.write')
    expect((await poll(pending, grant))[0]).toBe(200)
    expect((await poll(pending, grant))[0]).toBe(200)
    await revoke(token)
    expect(await poll(pending, grant)).toEqual([410, 'gone'])
  })

  it('reaches a call through all the requests that it has waited in', async () => {
    const token = await stage.personToken()
    const pending = locationOf(await call('/both', token))
    const grant = await stage.grant('data.write')
    expect((await poll(pending, grant))[0]).toBe(202)
    await stage.aauth.pending.approve((asked[0] as PendingView).id)
    await revoke(token)
    expect(await poll(pending, grant)).toEqual([403, 'revoked'])
    expect(ran).toBe(0)
  })

  it('reaches what goes on with a newer token of the same account', async () => {
    const first = await stage.grant('data.write')
    const pending = locationOf(await call('/approved', first))
    await stage.aauth.pending.approve((asked[0] as PendingView).id)
    await revoke(first)
    expect(await poll(pending, await stage.grant('data.write'))).toEqual([403, 'revoked'])
    expect(ran).toBe(0)
  })

  it('takes no answer to a question any more', async () => {
    const token = await stage.personToken()
    const pending = locationOf(await call('/approved', token))
    await deny({ token: { iss: ps, jti: nameOf(token).jti } })
    const body = JSON.stringify({ action: 'clarification_response', clarification_response: 'because' })
    const answer = await stage.sam.request({ method: 'POST', url: pending, body })
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'access_denied'])
    expect(await poll(pending)).toEqual([410, 'gone'])
  })

  it('reaches whoever polls, while the poll waits', async () => {
    const agentToken = (await stage.sam.agentToken()).jwt
    const pending = locationOf(await call('/approved', agentToken))
    const token = await stage.personToken()
    const { id } = asked[0] as PendingView
    let begun: () => void = () => undefined
    const waits = new Promise<void>((resolve) => {
      begun = resolve
    })
    let reads = 0
    fails = (_operation, key) => {
      // Read once before it waits, and again when it has been woken.
      if (key === `pending:${id}:settled` && ++reads === 1) begun()
      return false
    }
    const waiting = stage.sam.request({ url: pending, headers: [['Prefer', 'wait=30']] }, { token })
    await waits
    await deny({ person: await personOf(token) })
    await stage.aauth.pending.approve(id)
    const answer = await waiting
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'access_denied'])
    expect(ran).toBe(0)
  })

  it('of sessions reaches what was approved before it and fetched after it, and nothing later', async () => {
    for (const [selection, user] of [
      [{ user: 'mom' }, 'mom'],
      [{ jkt: stage.sam.key.jkt }, 'dad'],
    ] as const) {
      const connect = async (stop?: () => Promise<void>): Promise<[number, unknown]> => {
        const pending = locationOf(await stage.sam.request({ url: `${resource}/session` }))
        await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user })
        await stop?.()
        return poll(pending)
      }
      expect(await connect(() => stage.aauth.sessions.end(selection))).toEqual([403, 'revoked'])
      expect(await connect()).toEqual([200, undefined])
      expect(await connect(() => stage.aauth.sessions.end({ user: 'somebody else' }))).toEqual([
        200,
        undefined,
      ])
    }
  })

  it('of a person reaches a call that this person approved', async () => {
    const token = (await stage.sam.agentToken()).jwt
    const pending = locationOf(await call('/approved', token))
    await stage.aauth.pending.approve((asked[0] as PendingView).id, { user: 'mom' })
    await stage.aauth.sessions.end({ user: 'mom' })
    expect(await poll(pending)).toEqual([403, 'revoked'])
    expect(ran).toBe(0)
  })

  it('of a person or key reaches an approval that was given in an earlier request of the call', async () => {
    for (const [path, selection] of [
      ['/twice', { user: 'mom' }],
      ['/twice', { jkt: stage.sam.key.jkt }],
      ['/then', { user: 'mom' }],
    ] as const) {
      asked = []
      const read = await stage.grant('data.read')
      const pending = locationOf(await call(path, read))
      await stage.aauth.pending.approve((asked[0] as PendingView).id, { user: 'mom' })
      expect((await poll(pending, read))[0]).toBe(202)
      await stage.aauth.sessions.end(selection)
      if (path === '/twice') await stage.aauth.pending.approve((asked[1] as PendingView).id, { user: 'dad' })
      expect(await poll(pending, await stage.grant('data.read data.write'))).toEqual([403, 'revoked'])
    }
    expect(ran).toBe(0)
  })

  it('of a person is remembered for as long as what was approved may wait', async () => {
    const store = createMemoryStore({ clock: () => stage.town.clock() })
    const other = await openStage(adapter, { store, sessions: { maxAge: 60, lifetime: 60 } }, table)
    try {
      const call = await other.sam.request({ method: 'POST', url: `${resource}/approved` })
      await other.aauth.pending.approve((asked[0] as PendingView).id, { user: 'mom' })
      await other.aauth.sessions.end({ user: 'mom' })
      other.pass(120)
      stage.pass(120)
      const answer = await other.sam.request({ url: locationOf(call) })
      expect([answer.status, await errorOf(answer)]).toEqual([403, 'revoked'])
    } finally {
      await other.close()
    }
  })

  it('of a token is remembered for as long as what was begun with it may wait', async () => {
    for (const user of [undefined, 'mom']) {
      const token = await stage.personToken()
      const pending = locationOf(await call('/approved', token))
      await stage.aauth.pending.approve((asked.at(-1) as PendingView).id, user === undefined ? {} : { user })
      await revoke(token)
      // The token is over, and with it what is known of its revocation.
      stage.pass(3700)
      expect(await poll(pending, await stage.personToken())).toEqual([403, 'revoked'])
    }
    expect(ran).toBe(0)
  })

  it('is as was said last, though everything that was said before is sent once more', async () => {
    const token = await stage.personToken()
    const { jti } = nameOf(token)
    const use = async (): Promise<number> => (await call('/approved', token)).status
    for (const subject of [{ person: await personOf(token) }, { token: { iss: ps, jti } }]) {
      for (const seconds of [undefined, 60]) {
        await stage.aauth.denials.add({ subject, ...(seconds === undefined ? {} : { seconds }) })
        await stage.aauth.denials.remove(subject)
        expect(await use()).toBe(202)
      }
      const earlier = sent.slice()
      await stage.aauth.denials.add({ subject, seconds: 3600 })
      expect(await use()).toBe(403)
      stage.pass(600)
      for (const write of earlier) {
        write()
        expect(await use()).toBe(403)
      }
      const denied = sent.slice()
      await stage.aauth.denials.remove(subject)
      expect(await use()).toBe(202)
      for (const write of denied) await write()
      expect(await use()).toBe(202)
    }
  })

  it('of a token that is over already ends the session that was begun with it', async () => {
    const token = await stage.personToken()
    const pending = locationOf(await call('/session', token, 'GET'))
    await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user: 'mom' })
    const done = await stage.sam.request({ url: pending })
    const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
    stage.pass(3700)
    const use = async (): Promise<number> =>
      (await stage.sam.request({ url: `${resource}/session`, headers })).status
    expect(await use()).toBe(200)
    await revoke(token)
    expect(await use()).toBe(202)
  })

  it('of an agent token, by the application, ends the session that was begun with it for good', async () => {
    const token = (await stage.sam.agentToken()).jwt
    const pending = locationOf(await call('/session', token, 'GET'))
    await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user: 'mom' })
    const done = await stage.sam.request({ url: pending }, { token })
    const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
    await stage.aauth.revocations.record(nameOf(token))
    stage.pass(100_000)
    expect((await stage.sam.request({ url: `${resource}/session`, headers })).status).toBe(202)
  })

  it.each(['session-ended:', 'revoked:'])(
    'is completed when it is said again (%s failed)',
    async (prefix) => {
      const token = await stage.personToken()
      const pending = locationOf(await call('/session', token, 'GET'))
      await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1), { user: 'mom' })
      const done = await stage.sam.request({ url: pending })
      const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
      fails = (operation, key) => operation !== 'get' && key.startsWith(prefix)
      const { jti, exp } = nameOf(token)
      expect((await stage.town.ps.revoke(jti, exp, resource)).response?.status).toBe(503)
      fails = () => false
      expect((await stage.town.ps.revoke(jti, exp, resource)).response?.status).toBe(200)
      for (const seconds of [0, 8000]) {
        stage.pass(seconds)
        expect((await stage.sam.request({ url: `${resource}/session`, headers })).status).toBe(202)
      }
    },
  )

  it('is not shortened by a revocation that names an earlier time, and is lengthened by a later one', async () => {
    const grant = await stage.grant('data.write')
    const { jti, exp } = nameOf(grant)
    const status = async (): Promise<number> => (await call('/held', grant)).status
    for (const at of [exp - 3000, exp, exp - 3500]) await stage.town.ps.revoke(jti, at, resource)
    for (const seconds of [0, 700, 2800]) {
      stage.pass(seconds)
      expect(await status()).toBe(401)
    }
  })

  it('of guesses is completed by the next guess', async () => {
    const first = await stage.sam.request({ url: `${resource}/session` })
    const { url, code } = interactionOf(first)
    const guess = async (): Promise<number> =>
      (await new Visitor(stage.town).request(`${new URL(url).pathname}?code=AAAA-AAAA`)).status
    for (let i = 0; i < 4; i++) expect(await guess()).toBe(410)
    fails = (operation, key) => operation === 'claim' && key.endsWith(':settled')
    expect(await guess()).toBe(503)
    fails = () => false
    expect(await guess()).toBe(410)
    const late = await new Visitor(stage.town).open(`${url}?code=${code}`)
    expect(late.status).toBe(410)
    expect(await poll(locationOf(first))).toEqual([410, 'invalid_code'])
  })

  it('of one person does not miss another whose token has the same name', async () => {
    const dad = stage.town.person('dad')
    const { cnf } = stage.sam.key
    const mint = (person: typeof dad): Promise<string> =>
      stage.town.ps.mintAuthToken({ person, resource, cnf, scope: 'data.write' }, { claims: { jti: 'same' } })
    const [hers, his] = [await mint(stage.mom), await mint(dad)]
    await deny({ person: await personOf(his) })
    for (let i = 0; i < 2; i++) {
      expect((await call('/approved', hers)).status).toBe(202)
      expect((await call('/approved', his)).status).toBe(403)
    }
    expect(mom()).toEqual(await personOf(hers))
  })
})

import { approval, createMemoryStore, type PendingView, type Store } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'

describe.each(adapters)(
  'an approved call, polled for with another token of the same key [adapter %s]',
  (adapter) => {
    let stage: Stage
    let asked: PendingView[]
    const table: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/pay',
        requirement: {
          scope: 'data.write',
          policy: () => approval({ ask: (pending) => void asked.push(pending) }),
        },
        answer: ({ caller }) => ({ account: caller.kind === 'grant' ? caller.account : 'none' }),
      },
    ]
    beforeEach(async () => {
      asked = []
      stage = await openStage(adapter, { pending: { lifetime: 7200 } }, table)
    })
    afterEach(() => stage.close())

    const url = `${resource}/pay`
    const approved = async (token: string): Promise<string> => {
      const pending = locationOf(await stage.sam.request({ method: 'POST', url }, { token }))
      await stage.aauth.pending.approve((asked[0] as PendingView).id)
      return pending
    }

    it('is carried out for the account that was approved', async () => {
      const pending = await approved(await stage.grant('data.write', { account: 'pocket' }))
      const token = await stage.grant('data.write', { account: 'savings' })
      expect(await (await stage.sam.request({ url: pending }, { token })).json()).toEqual({
        account: 'pocket',
      })
    })

    it('takes a newer token for the same account, once the first has expired', async () => {
      const first = await stage.grant('data.write', { account: 'pocket' })
      const pending = await approved(first)
      stage.pass(3601)
      const token = await stage.grant('data.write', { account: 'pocket' })
      expect(await (await stage.sam.request({ url: pending }, { token })).json()).toEqual({
        account: 'pocket',
      })
    })

    it('is not carried out for a person whom the operator has denied meanwhile', async () => {
      const pending = await approved(await stage.grant('data.write'))
      const { caller } = asked[0] as PendingView
      if (caller.kind === 'agent') throw new Error('a grant is no agent')
      await stage.aauth.denials.add({ subject: { person: caller.person } })
      const answer = await stage.sam.request({ url: pending })
      expect([answer.status, await errorOf(answer)]).toEqual([403, 'access_denied'])
      expect((await stage.sam.request({ url: pending })).status).toBe(410)
    })
  },
)

describe.each(adapters)('what waits in the store [adapter %s]', (adapter) => {
  let stage: Stage
  let asked: PendingView[]
  const policy = () => approval({ ask: (pending: PendingView) => void asked.push(pending) })
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/pay',
      requirement: { identity: 'agent', policy },
      answer: ({ bytes }) => ({ bytes }),
    },
  ]
  beforeEach(() => {
    asked = []
  })
  afterEach(() => stage.close())

  const call = (body: string): Promise<Response> =>
    stage.sam.request({
      method: 'POST',
      url: `${resource}/pay`,
      body,
      headers: [['Cookie', 'session=secret']],
    })

  it('does not fill it: one issuer has a quarter of the room, and is refused beyond', async () => {
    stage = await openStage(adapter, { pending: { room: 110_592 } }, table)
    expect((await call('x'.repeat(6000))).status).toBe(202)
    const answer = await call('x'.repeat(6000))
    expect([answer.status, await errorOf(answer)]).toEqual([503, 'store_unavailable'])
    expect((await call('small')).status).toBe(202)
  })

  it('is given back at once by calling off, for as long as the agent goes on with it', async () => {
    stage = await openStage(adapter, { pending: { room: 65_536 } }, table)
    for (let round = 0; round < 8; round++) {
      const answer = await call('x'.repeat(6000))
      expect(answer.status).toBe(202)
      const pending = { url: locationOf(answer) }
      expect((await stage.sam.request({ ...pending, method: 'DELETE' })).status).toBe(204)
      expect((await stage.sam.request(pending)).status).toBe(410)
      expect((await stage.sam.request({ ...pending, method: 'DELETE' })).status).toBe(410)
      // Nor can what was called off still be approved and carried out.
      expect(await stage.aauth.pending.approve((asked.at(-1) as PendingView).id)).toBe(false)
    }
  })

  it('leaves nothing in the store a minute or two after it was called off', async () => {
    let clock = () => Date.now()
    const store = createMemoryStore({ clock: () => clock() })
    stage = await openStage(adapter, { store }, table)
    clock = stage.town.clock
    const left = async (): Promise<number> => {
      const pending = { url: locationOf(await call('x'.repeat(6000))) }
      await stage.sam.request({ ...pending, method: 'DELETE' })
      stage.pass(180)
      store.put('sweeps', '1', 1)
      return store.size
    }
    // The mark over all revocations stays, and there is one.
    const first = await left()
    expect(first).toBeLessThanOrEqual(2)
    expect(await left()).toBe(first)
  })

  it('is without content and credentials once it has been carried out', async () => {
    const memory = createMemoryStore()
    const written = new Map<string, string>()
    const store: Store = {
      get: (key) => memory.get(key),
      put: (key, value, ttl) => {
        written.set(key, value)
        return memory.put(key, value, ttl)
      },
      claim: (key, value, ttl) => memory.claim(key, value, ttl),
      delete: (key) => memory.delete(key),
    }
    stage = await openStage(adapter, { store }, table)
    const pending = locationOf(await call('pin=1234'))
    const content = Buffer.from('pin=1234').toString('base64')
    const kept = (): boolean =>
      [...written.values()].some((value) => value.includes(content) || value.includes('session=secret'))
    expect(kept()).toBe(true)
    await stage.aauth.pending.approve((asked[0] as PendingView).id)
    expect(await (await stage.sam.request({ url: pending })).json()).toEqual({ bytes: 8 })
    expect(kept()).toBe(false)
    expect((await stage.sam.request({ url: pending })).status).toBe(410)
  })
})

describe.each(adapters)('two policies that each want an approval [adapter %s]', (adapter) => {
  it('get one each, though neither gives it a name', async () => {
    const asked: [string, PendingView][] = []
    const wants = (who: string) => () => approval({ ask: (pending) => void asked.push([who, pending]) })
    const table: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/knives',
        requirement: { identity: 'agent', policy: [wants('parent'), wants('shop')] },
        answer: () => ({ sold: true }),
      },
    ]
    const stage = await openStage(adapter, {}, table)
    try {
      const pending = locationOf(await stage.sam.request({ method: 'POST', url: `${resource}/knives` }))
      for (const who of ['parent', 'shop']) {
        const [name, { id }] = asked.at(-1) as [string, PendingView]
        expect(name).toBe(who)
        await stage.aauth.pending.approve(id)
        const answer = await stage.sam.request({ url: pending })
        expect(answer.status).toBe(who === 'parent' ? 202 : 200)
      }
      expect(asked).toHaveLength(2)
    } finally {
      await stage.close()
    }
  })
})

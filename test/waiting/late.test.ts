import { allow, approval, createMemoryStore, type ResourceOptions, type Store } from '@countersign/core'
import { afterEach, describe, expect, it } from 'vitest'
import { Reply, type TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from './stage.js'

const never = (): Promise<never> => new Promise(() => {})

describe.each(adapters)('a call that nobody can judge when it is carried out [adapter %s]', (adapter) => {
  let stage: Stage
  let ran: number
  let isLate: boolean
  let answer: () => Promise<object>
  let lateRuns: number
  /** Of a rule that answers at once, or never. */
  const slowly = <A>(value: A): A | Promise<never> => {
    if (!isLate) return value
    lateRuns++
    return never()
  }
  const ask = (): void => {}
  const asked = { identity: 'agent', policy: [() => approval({ ask }), () => slowly(allow())] } as const
  const run = async (): Promise<object> => {
    ran++
    return answer()
  }
  const table: readonly TargetRoute[] = [
    { method: 'POST', path: '/approved', requirement: asked, answer: run },
    {
      method: 'POST',
      path: '/held',
      requirement: { scope: () => slowly('data.write'), deliver: 'held' },
      status: 201,
      answer: run,
    },
    {
      method: 'POST',
      path: '/policy',
      requirement: { scope: 'data.write', deliver: 'held', policy: () => slowly(allow()) },
      status: 201,
      answer: run,
    },
  ]
  const open = async (options: Partial<ResourceOptions> = {}): Promise<void> => {
    ran = 0
    lateRuns = 0
    isLate = false
    answer = async () => ({ ran })
    stage = await openStage(adapter, { policyTimeout: 40, ...options }, table)
  }
  afterEach(() => stage.close())

  const poll = (pending: string, token?: string): Promise<Response> =>
    stage.sam.request({ url: pending }, token === undefined ? {} : { token })
  const idOf = (pending: string): string => pending.slice(pending.lastIndexOf('/') + 1)
  /** A call that somebody has approved. */
  const approved = async (): Promise<string> => {
    const pending = locationOf(
      await stage.sam.request({ method: 'POST', url: `${resource}/approved`, body: 'one' }),
    )
    expect(await stage.aauth.pending.approve(idOf(pending))).toBe(true)
    return pending
  }
  const expectLater = async (response: Response): Promise<void> => {
    const { status, headers } = response
    expect([status, headers.get('retry-after'), headers.get('cache-control')]).toEqual([503, '5', 'no-store'])
    expect(await errorOf(response)).toBe('policy_unavailable')
  }

  it('waits on, approved as it is, and runs once at a later poll (G-42)', async () => {
    await open()
    const pending = await approved()
    isLate = true
    for (let polls = 0; polls < 3; polls++) {
      await expectLater(await poll(pending))
      stage.pass(5)
    }
    expect([ran, lateRuns]).toEqual([0, 3])
    isLate = false
    const done = await poll(pending)
    expect([done.status, await done.json()]).toEqual([200, { ran: 1 }])
    expect((await poll(pending)).status).toBe(410)
    expect(ran).toBe(1)
  })

  it.each(['/held', '/policy'])(
    'waits on for the same auth token, whose answer is then kept: %s',
    async (path) => {
      await open()
      const call = { method: 'POST', url: resource + path, body: 'one' }
      const pending = locationOf(await stage.sam.request(call, { token: await stage.personToken() }))
      const token = await stage.grant('data.write')
      isLate = true
      await expectLater(await poll(pending, token))
      isLate = false
      for (let polls = 0; polls < 2; polls++) {
        const done = await poll(pending, token)
        expect([done.status, await done.json()]).toEqual([201, { ran: 1 }])
      }
      expect(ran).toBe(1)
    },
  )

  it('is judged by one poll at a time, and runs once for many', async () => {
    await open()
    const pending = await approved()
    isLate = true
    const statuses = (answers: readonly Response[]): readonly number[] =>
      answers.map(({ status }) => status).sort()
    const polls = (): Promise<Response[]> => Promise.all([1, 2, 3].map(() => poll(pending)))
    const late = statuses(await polls())
    expect(late.filter((status) => status !== 202 && status !== 503)).toEqual([])
    expect(late).toContain(503)
    isLate = false
    const done = statuses(await polls())
    expect([done.filter((status) => status === 200).length, ran]).toEqual([1, 1])
  })

  it('does not run once it has been denied, revoked or called off', async () => {
    for (const end of ['deny', 'cancel', 'forget'] as const) {
      await open()
      const pending = await approved()
      isLate = true
      await expectLater(await poll(pending))
      isLate = false
      if (end === 'deny') await stage.aauth.denials.add({ subject: { key: stage.sam.key.jkt } })
      if (end === 'cancel')
        expect((await stage.sam.request({ method: 'DELETE', url: pending })).status).toBe(204)
      // As long as the request is kept, and no longer.
      if (end === 'forget') stage.pass(600 + 3600 + 30)
      const after = await poll(pending)
      expect([after.status, ran]).toEqual([end === 'deny' ? 403 : end === 'cancel' ? 410 : 404, 0])
      if (end !== 'forget') await stage.close()
    }
  })

  it.each([
    ['503', () => Promise.resolve(new Reply(503, { error: 'sold_out' })), 503],
    ['an error', () => Promise.reject(new Error('out of flour')), 500],
  ])('has ended where it is the handler that answers %s', async (_, fails, status) => {
    await open()
    const pending = await approved()
    answer = fails
    expect((await poll(pending)).status).toBe(status)
    expect((await poll(pending)).status).toBe(410)
    expect(ran).toBe(1)
  })

  it('counts as lost where the store fails meanwhile, and never runs', async () => {
    const memory = createMemoryStore({ clock: () => stage.town.clock() })
    let fails = false
    // Whatever would say of a call what became of it, once it has been claimed.
    const isDown = (key: string): boolean => fails && key.includes(':ended:')
    const store: Store = {
      get: (key) => memory.get(key),
      put: (...entry) => memory.put(...entry),
      claim: (...entry) => (isDown(entry[0]) ? Promise.reject(new Error('down')) : memory.claim(...entry)),
      delete: (key) => memory.delete(key),
    }
    await open({ store })
    const pending = await approved()
    isLate = true
    fails = true
    await expectLater(await poll(pending))
    isLate = false
    fails = false
    expect((await poll(pending)).status).toBe(202)
    stage.pass(90)
    const lost = await poll(pending)
    expect([lost.status, await errorOf(lost), ran]).toEqual([500, 'server_error', 0])
  })

  it('runs once though the client of the store sends again what gave it back (G-42)', async () => {
    const memory = createMemoryStore({ clock: () => stage.town.clock() })
    const sent: (() => void)[] = []
    const noted = <A>(key: string, write: () => A): A => {
      if (key.includes(':ended')) sent.push(write)
      return write()
    }
    const store: Store = {
      get: (key) => memory.get(key),
      put: (...entry) => noted(entry[0], () => memory.put(...entry)),
      claim: (...entry) => noted(entry[0], () => memory.claim(...entry)),
      delete: (key) => noted(key, () => memory.delete(key)),
    }
    await open({ store })
    const pending = await approved()
    isLate = true
    await expectLater(await poll(pending))
    isLate = false
    const again = sent.slice()
    // The two words, and where to begin to look for the second.
    expect(again).toHaveLength(3)
    const meanwhile: number[] = []
    answer = async () => {
      const isFirst = ran === 1
      // While it runs somebody else polls.
      for (const write of again) write()
      if (isFirst) meanwhile.push((await poll(pending)).status)
      return { ran }
    }
    expect((await poll(pending)).status).toBe(200)
    for (const write of again) write()
    await poll(pending)
    expect([meanwhile, ran]).toEqual([[202], 1])
  })

  it('asks nobody again where it is the second approver who is told too late', async () => {
    let told = 0
    const tellLate = (): Promise<never> => {
      told++
      return never()
    }
    const policy = [
      () => approval({ ask, subject: 'first' }),
      () => approval({ ask: tellLate, subject: 'second' }),
    ]
    ran = 0
    answer = async () => ({ ran })
    stage = await openStage(adapter, { policyTimeout: 40 }, [
      { method: 'POST', path: '/approved', requirement: { identity: 'agent', policy }, answer: run },
    ])
    const pending = await approved()
    const statuses: number[] = []
    for (let polls = 0; polls < 4; polls++) statuses.push((await poll(pending)).status)
    expect([told, ran, statuses]).toEqual([1, 0, [202, 500, 410, 410]])
  })
})

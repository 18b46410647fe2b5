import { beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../store/store.js'
import { resendingStore } from '../testing/resending-store.js'
import { type BegunWith, createBegunWith } from './begun-with.js'
import { createEndedSessions, type EndedSessions } from './ended.js'

// What a store does late, or a client of it once more after it has lost its connection, lets nothing go on that was ended since.

const start = 1_800_000_000_000
const minute = 60_000
const resource = 'https://rs.example'
const token = { iss: 'https://ps.example', jti: 'a', iat: 0, exp: 0 }
const who = { jkt: 'key-1', user: 'mom' }
let now: number
let store: Store
let writes: readonly (() => void)[]
const clock = (): number => now
beforeEach(() => {
  now = start
  const resending = resendingStore(clock)
  store = resending.store
  writes = resending.writes
})

const begunWithOf = (): BegunWith =>
  createBegunWith({ resource, store, clock, revocations: { has: () => false } })
const endsOf = (): EndedSessions =>
  createEndedSessions({
    resource,
    longest: 3600,
    store,
    stops: {
      revocations: { has: () => false },
      denials: { find: () => undefined },
      issuers: { refused: () => undefined },
      unlinks: { hasEnded: async () => false },
    },
    begunWith: begunWithOf(),
  })

/** Has each of these writes made once more, by itself and after each other one. */
async function again(these: readonly (() => void)[], check: () => Promise<void>): Promise<void> {
  for (const one of these)
    for (const other of these) {
      one()
      other()
      await check()
    }
}

describe('an end that is sent once more', () => {
  it.each([{ user: 'mom' }, { jkt: 'key-1' }])('takes back no later end: %o', async (selection) => {
    const [one, two] = [endsOf(), endsOf()]
    const before = await one.marks(who)
    await one.end(selection)
    const earlier = [...writes]
    // Begun after the first end, whose mark it keeps.
    const between = await two.marks(who)
    expect([await two.since(who, before), await two.since(who, between)]).toEqual([true, false])
    await two.end(selection)
    now += 10 * minute
    const check = async (): Promise<void> => {
      for (const each of [one, two])
        expect([await each.since(who, before), await each.since(who, between)]).toEqual([true, true])
    }
    await again(earlier, check)
    // Nor does it end what was begun after the last one.
    const after = await one.marks(who)
    await again([...writes], check)
    expect(await two.since(who, after)).toBe(false)
  })

  it('is of one session for good', async () => {
    const ends = endsOf()
    await ends.end({ id: 'one' })
    await again([...writes], async () => {
      expect(await ends.has({ id: 'one', ...who, marks: {}, from: [] } as never)).toBe(true)
      expect(await ends.has({ id: 'two', ...who, marks: {}, from: [] } as never)).toBe(false)
    })
  })
})

describe('what was begun with a token', () => {
  it.each(['session', 'request'] as const)(
    'ends with it as late as the last %s, whatever is noted once more',
    async (what) => {
      const [one, two] = [begunWithOf(), begunWithOf()]
      await one.begun(what, token, now + 60 * minute)
      const earlier = [...writes]
      now += 30 * minute
      await two.begun(what, token, now + 60 * minute)
      now += 10 * minute
      for (const write of earlier) write()
      await one.end(token)
      now += 49 * minute
      expect([await one.hasEnded(token), await two.hasEnded(token)]).toEqual([true, true])
    },
  )

  it('stays ended as long as the last of it, whatever is ended once more', async () => {
    const [one, two] = [begunWithOf(), begunWithOf()]
    await one.begun('session', token, now + 20 * minute)
    await one.end(token)
    const earlier = [...writes]
    await two.begun('session', token, now + 60 * minute)
    now += 10 * minute
    await again(earlier, async () => expect(await two.hasEnded(token)).toBe(true))
    now += 49 * minute
    expect([await one.hasEnded(token), await two.hasEnded(token)]).toEqual([true, true])
  })

  it('ends with it as late as the last of it, where a write of a note has failed', async () => {
    const memory = store
    const begunWith = begunWithOf()
    await begunWith.begun('session', token, now + 20 * minute)
    const until = now + 60 * minute
    store = {
      ...memory,
      put: () => {
        throw new Error('lost')
      },
    }
    const failing = begunWithOf()
    await expect(failing.begun('session', token, until)).rejects.toThrow('lost')
    store = memory
    await begunWithOf().begun('session', token, until)
    now += 50 * minute
    await begunWithOf().end(token)
    expect(await begunWithOf().hasEnded(token)).toBe(true)
  })

  it('is noted where it lasts longer, and costs one read otherwise', async () => {
    const begunWith = begunWithOf()
    await begunWith.begun('session', token, now + 60 * minute)
    const before = writes.length
    await begunWith.begun('session', token, now + 30 * minute)
    expect(writes.length).toBe(before)
  })
})

import { describe, expect, it } from 'vitest'
import { originOf } from '../caller.js'
import { createBegunWith } from '../session/begun-with.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { resendingStore } from '../testing/resending-store.js'
import { pendingOptionsSchema } from './options.js'
import type { Ending, PendingRecord } from './record.js'
import { createPendingRecords } from './records.js'
import { createStoredBytes } from './stored-bytes.js'

it('pending requests of strangers leave room in the default memory store for everything else', async () => {
  const now = Date.UTC(2026, 10, 1)
  const clock = (): number => now
  // A hundredth of the defaults.
  const store = createMemoryStore({ clock, maxEntries: 1000 })
  const storedBytes = createStoredBytes(
    pendingOptionsSchema.parse(undefined).room / 100,
    clock,
    () => 'established',
  )
  const resource = 'https://rs.example'
  const records = createPendingRecords({ resource, store, storedBytes, clock })
  const revocations = { has: () => false }
  const begunWith = createBegunWith({ resource, store, revocations, clock })
  const open = async (index: number): Promise<void> => {
    const token = { iss: `https://made-up-${index}.example`, jti: String(index), iat: 0, exp: 0 }
    const caller = {
      kind: 'agent',
      agent: 'aauth:a@b.example',
      provider: token.iss,
      jkt: 'k',
      token,
    } as const
    const interaction = { id: `i${index}`, code: 'AAAAAAAA', scope: [] }
    const times = { opened: now, expires: now + 600_000, forgotten: now + 4_200_000 }
    const record: PendingRecord = {
      id: String(index),
      resource,
      jkt: 'k',
      requirement: 'interaction',
      caller,
      origins: [originOf(caller)],
      clarification: true,
      interaction,
      ...times,
    }
    await records.add(record)
    // All other entries that can belong to it.
    await begunWith.begun('request', token, record.forgotten)
    await records.claim(record, 'arrival', { browser: 'b' })
    await records.settle(record, { outcome: 'denied' })
    await records.end(record, { state: 'ended' })
  }
  let opened = 0
  for (let refusals = 0; opened + refusals < 1000; ) {
    await open(opened).then(
      () => opened++,
      () => refusals++,
    )
  }
  expect(opened).toBeGreaterThan(100)
  expect(store.size).toBeLessThan(900)
  expect(store.claim('replay:one', '1', 130)).toBe(true)
})

describe('a claim that is given back', () => {
  const now = Date.UTC(2026, 10, 1)
  let time = now
  const clock = (): number => time
  const token = { iss: 'https://ap.example', jti: '1', iat: 0, exp: 0 }
  const caller = { kind: 'agent', agent: 'aauth:a@b.example', provider: token.iss, jkt: 'k', token } as const
  const record: PendingRecord = {
    id: 'one',
    resource: 'https://rs.example',
    jkt: 'k',
    requirement: 'approval',
    caller,
    origins: [originOf(caller)],
    clarification: false,
    opened: now,
    expires: now + 600_000,
    forgotten: now + 4_200_000,
    call: {
      held: { method: 'POST', target: '/', rawHeaders: [], content: 'b25l', peer: {} },
      approvals: [],
      waited: 0,
    },
  }
  const open = (given?: Store) => {
    time = now
    const resending = resendingStore(clock)
    const { writes } = resending
    const store = given ?? resending.store
    const storedBytes = createStoredBytes(
      pendingOptionsSchema.parse(undefined).room,
      clock,
      () => 'established',
    )
    const records = createPendingRecords({ resource: record.resource, store, storedBytes, clock })
    const claim = (name: string): Promise<boolean> =>
      records.end(record, { state: 'running', until: clock() + 60_000, name })
    /** Gives it back. @returns a function that does so again */
    const giveBack = async (name: string): Promise<() => void> => {
      const from = writes.length
      await records.giveBack(record, name)
      const again = writes.slice(from)
      expect(again).not.toHaveLength(0)
      return () => {
        for (const write of again) write()
      }
    }
    return { records, claim, giveBack }
  }

  it('can be made again, by one process, as often as it is given back (G-42)', async () => {
    const { records, claim, giveBack } = open()
    for (let n = 0; n < 5; n++) {
      const claimed = await Promise.all([claim(`a${n}`), claim(`b${n}`), claim(`c${n}`)])
      expect(claimed).toEqual([true, false, false])
      expect((await records.ending(record))?.state).toBe('running')
      await giveBack(`a${n}`)
      expect(await records.ending(record)).toBeUndefined()
    }
    // None of its entries ends before the request does.
    expect(await claim('last')).toBe(true)
    time += 3_600_000
    expect([await claim('none'), (await records.ending(record))?.name]).toEqual([false, 'last'])
  })

  it('is known to be the own one where a client sent it once more before its answer (G-42)', async () => {
    const memory = createMemoryStore({ clock })
    const store: Store = {
      get: (key) => memory.get(key),
      put: (...entry) => memory.put(...entry),
      claim(...entry) {
        memory.claim(...entry)
        return memory.claim(...entry)
      },
      delete: (key) => memory.delete(key),
    }
    const { claim, records } = open(store)
    for (let n = 0; n < 3; n++) {
      expect([await claim(`a${n}`), await claim(`b${n}`)]).toEqual([true, false])
      await records.giveBack(record, `a${n}`)
      expect(await records.ending(record)).toBeUndefined()
    }
  })

  it('gives back no later claim or end if a client repeats it (G-42)', async () => {
    for (const end of ['claim', 'conclude', 'cancel', 'end'] as const) {
      const { records, claim, giveBack } = open()
      expect(await claim('first')).toBe(true)
      const again = await giveBack('first')
      if (end === 'cancel') expect(await records.cancel(record)).toBe(true)
      else if (end === 'end') expect(await records.end(record, { state: 'ended' })).toBe(true)
      else expect(await claim('second')).toBe(true)
      if (end === 'conclude') await records.conclude(record, { state: 'ended', token: 'of its answer' })
      const before = await records.ending(record)
      again()
      expect(await records.ending(record)).toEqual(before)
      // However late.
      time += 301_000
      expect([end, await claim('third'), (await records.ending(record)) === undefined]).toEqual([
        end,
        false,
        false,
      ])
    }
  })

  it('stays lost once recorded as lost, even if the giving back takes effect later (G-42)', async () => {
    const { records, claim } = open()
    await claim('first')
    const ending = await records.ending(record)
    expect(await records.lose(record, ending as Ending)).toBe(true)
    await records.giveBack(record, 'first')
    // The answer is the same each time.
    expect([await claim('second'), await records.ending(record)]).toEqual([false, ending])
    expect(await records.lose(record, ending as Ending)).toBe(true)
  })

  it('is not lost once it was given back, nor once its call has ended (G-42)', async () => {
    for (const end of ['give back', 'conclude'] as const) {
      const { records, claim, giveBack } = open()
      await claim('first')
      const ending = (await records.ending(record)) as Ending
      if (end === 'give back') await giveBack('first')
      else await records.conclude(record, { state: 'ended', token: 't' })
      expect([end, await records.lose(record, ending)]).toEqual([end, false])
      expect(await records.ending(record)).toEqual(
        end === 'give back' ? undefined : { state: 'ended', token: 't' },
      )
    }
  })
})

import { expect, it } from 'vitest'
import { originOf } from '../caller.js'
import { createBegunWith } from '../session/begun-with.js'
import { createMemoryStore } from '../store/memory-store.js'
import { pendingOptionsSchema } from './options.js'
import type { PendingRecord } from './record.js'
import { createPendingRecords } from './records.js'
import { createStoredBytes } from './stored-bytes.js'

it('pending requests of strangers leave the default memory store room for everything else', async () => {
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
    // All that anybody can have written beside it.
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

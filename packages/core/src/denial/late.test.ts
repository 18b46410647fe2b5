import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Agent } from '../caller.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { resendingStore } from '../testing/resending-store.js'
import { createDenials, type DenialCheck } from './denials.js'

// What a store does late, or a client of it once more after it has lost its connection, takes back nothing that was said since.

const start = 1_800_000_000
const day = 86_400
let time = start
const clock = (): number => time * 1000
let store: Store
let writes: readonly (() => void)[]
/** An instance over the store that all share. */
const instance = (): DenialCheck => createDenials(store, clock, () => {})

const agentOf = (name: string): Agent => ({
  kind: 'agent',
  agent: `aauth:${name}@ap.example`,
  provider: 'https://ap.example',
  jkt: name.repeat(43).slice(0, 43),
  token: { iss: 'https://ap.example', jti: name, iat: start, exp: start + 600 },
})
const sam = agentOf('s')
const subject = { key: sam.jkt }

beforeEach(() => {
  time = start
  const resending = resendingStore(clock)
  store = resending.store
  writes = resending.writes
})

/** Has everything that has been written until now written once more, each by itself and in every order of two. */
async function again(
  check: () => Promise<void>,
  known: readonly (() => void)[] = [...writes],
): Promise<void> {
  for (const one of known)
    for (const other of known) {
      one()
      other()
      await check()
    }
}

describe('what is said late of a subject', () => {
  const finds =
    (who: DenialCheck, kind: 'key' | undefined, caller = sam) =>
    async () => {
      // Requests of others come in between; see the marks below.
      await who.find(agentOf('o'))
      expect(await who.find(caller)).toBe(kind)
    }

  it('lifts no denial: a removal', async () => {
    const [one, two] = [instance(), instance()]
    await one.add({ subject })
    await one.remove(subject)
    const removed = [...writes]
    await two.add({ subject })
    time += 600
    await again(finds(two, 'key'), removed)
    await again(finds(one, 'key'), removed)
  })

  it('lifts no denial: an earlier one, which was removed or was shorter', async () => {
    const [one, two] = [instance(), instance()]
    await one.add({ subject, seconds: 60 })
    await one.remove(subject)
    await one.add({ subject, seconds: 3 * day })
    await one.remove(subject)
    await one.add({ subject, seconds: 3600 })
    const earlier = [...writes]
    for (const [seconds, ends] of [
      [day, [day - 1]],
      [300 * day, [day, 29 * day, 270 * day]],
    ] as const) {
      const since = time
      await two.add({ subject, seconds })
      time = since + 600
      await again(finds(two, 'key'), earlier)
      for (const after of ends) {
        time = since + after
        await finds(one, 'key')()
      }
    }
    time += 30 * day + instanceSkew
    await finds(one, undefined)()
  })

  it('denies nobody who was let go: a denial', async () => {
    const [one, two] = [instance(), instance()]
    await one.add({ subject })
    await two.remove(subject)
    time += 600
    await again(finds(one, undefined))
    // Nor once it has ended by itself.
    await one.add({ subject, seconds: 60 })
    time += 60 + instanceSkew
    await again(finds(two, undefined))
  })

  it('denies nobody who was let go, though it had not taken effect before', async () => {
    const never: (() => void)[] = []
    const failing: Store = {
      ...store,
      claim(key, value, ttl) {
        if (!key.startsWith('deny:key:')) return store.claim(key, value, ttl)
        never.push(() => void store.claim(key, value, ttl))
        return Promise.reject(new Error('connection lost'))
      },
    }
    for (const before of [false, true]) {
      const who = agentOf(before ? 'b' : 'n')
      const of = { key: who.jkt }
      if (before) {
        await instance().add({ subject: of })
        await instance().remove(of)
      }
      await expect(createDenials(failing, clock, () => {}).add({ subject: of })).rejects.toThrow(
        'connection lost',
      )
      await instance().remove(of)
      time += 600
      for (const write of never.splice(0)) write()
      expect(await instance().find(who)).toBe(undefined)
    }
  })

  it('takes nobody from the list, and brings nobody back to it', async () => {
    const [one, two] = [instance(), instance()]
    const keys = Array.from('abcdefgh', (name) => ({ key: agentOf(name).jkt }))
    for (const key of keys) await one.add({ subject: key })
    for (const key of keys.slice(0, 4)) await one.remove(key)
    const earlier = [...writes]
    await two.add({ subject: keys[0] as { key: string }, reason: 'anew' })
    const listed = await two.list()
    expect(listed).toHaveLength(5)
    for (const write of [...earlier, ...earlier.toReversed()]) write()
    expect(await two.list()).toEqual(listed)
  })
})

describe('whoever was denied or let go last, as was acknowledged', () => {
  const names = ['s', 'o'] as const
  /** Whatever of this is said, in seconds; and how late anything may be. */
  const kinds = [
    ['a day', [60, 3600, day], day],
    ['thirty days', [2 * day, 30 * day, 400 * day], 30 * day],
    ['a day, whatever denials last', [60, 3600, 2 * day, 400 * day], day],
  ] as const

  it.each(kinds)(
    'is so to both of two instances, whatever is written once more within %s',
    async (_, seconds, late) => {
      const by = fc.nat(1)
      const of = fc.nat(1)
      const command = fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({ what: fc.constant('add'), by, of, n: fc.constantFrom(...seconds) }),
        },
        { weight: 2, arbitrary: fc.record({ what: fc.constant('remove'), by, of, n: fc.constant(0) }) },
        { weight: 4, arbitrary: fc.record({ what: fc.constant('again'), by, of, n: fc.nat(1000) }) },
        {
          weight: 2,
          arbitrary: fc.record({
            what: fc.constant('pass'),
            by,
            of,
            n: fc.constantFrom(1, 600, late / 3, late - 1),
          }),
        },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 30 }), async (commands) => {
          time = start
          const resending = resendingStore(clock)
          store = resending.store
          const instances = [instance(), instance()]
          const writtenAt: number[] = []
          const until = new Map<string, number>()
          for (const command of commands) {
            const name = names[command.of] as string
            const key = { key: agentOf(name).jkt }
            const own = instances[command.by] as DenialCheck
            if (command.what === 'add') {
              await own.add({ subject: key, seconds: command.n })
              until.set(name, Math.max(until.get(name) ?? 0, time + command.n))
            } else if (command.what === 'remove') {
              await own.remove(key)
              until.delete(name)
            } else if (command.what === 'pass') time += command.n
            else {
              const index = command.n % (resending.writes.length || 1)
              // Of what both have not looked at since, `Mark` says what becomes of it.
              for (const each of instances) await each.find(agentOf('x'))
              if (time - (writtenAt[index] ?? 0) < late) resending.writes[index]?.()
            }
            while (writtenAt.length < resending.writes.length) writtenAt.push(time)
            for (const each of instances)
              for (const who of names) {
                const end = until.get(who) ?? 0
                const found = await each.find(agentOf(who))
                // By which instances' clocks may differ, either is right.
                if (time >= end && time < end + instanceSkew) continue
                expect([who, found]).toEqual([who, time < end ? 'key' : undefined])
              }
          }
        }),
        { numRuns: 50 },
      )
    },
  )
})

describe('a denial of which a write has failed, or was made twice before its answer', () => {
  /** A store whose next write of what is said of somebody goes wrong. */
  const faults: readonly (readonly [string, (memory: Store) => Store])[] = [
    [
      'a rejected one',
      (memory) => {
        let hasFailed = false
        return {
          ...memory,
          put(key, value, ttl) {
            if (hasFailed || !key.includes('key:')) return memory.put(key, value, ttl)
            hasFailed = true
            throw new Error('lost')
          },
        }
      },
    ],
    [
      'a claim that a client sent once more',
      (memory) => {
        let isSentAgain = false
        return {
          ...memory,
          claim(key, value, ttl) {
            const won = memory.claim(key, value, ttl)
            if (isSentAgain || !/key:.*:2$/.test(key)) return won
            isSentAgain = true
            return memory.claim(key, value, ttl)
          },
        }
      },
    ],
  ]
  it.each(faults)('lasts until its end, once it is acknowledged: %s', async (_, faultyOf) => {
    for (const seconds of [day, 30 * day]) {
      time = start
      const memory = resendingStore(clock).store
      store = memory
      await instance().remove(subject)
      store = faultyOf(memory)
      const one = instance()
      await one.add({ subject, seconds }).catch(() => one.add({ subject, seconds }))
      for (const after of [600, 3601, seconds - 1]) {
        time = start + after
        expect([after, await instance().find(sam)]).toEqual([after, 'key'])
      }
      time = start
      store = memory
    }
  })

  it('lasts until its end where it is as long as another one of which that was never acknowledged', async () => {
    const memory = store
    await instance().add({ subject, seconds: 3600 })
    time += 1.5 * day
    store = {
      ...memory,
      put(key, value, ttl) {
        if (key.startsWith('deny:short:key:')) throw new Error('lost')
        return memory.put(key, value, ttl)
      },
    }
    await expect(instance().add({ subject, seconds: day })).rejects.toThrow('lost')
    store = memory
    await instance().add({ subject, seconds: day - 60 })
    time += day - 120
    expect(await instance().find(sam)).toBe('key')
  })
})

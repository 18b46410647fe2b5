import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resendingStore } from '../testing/resending-store.js'
import { createMemoryStore } from './memory-store.js'
import { type Store, StoreUnfitError } from './store.js'
import { latestVersion, type Version, versionId, writeNextVersion, writeVersion } from './versions.js'

const clock = (): number => 0
const key = 'deny:key:a'
const next = (store: Store, text: string) => writeNextVersion(store, key, () => [text, 60])
const last = async (store: Store): Promise<string | undefined> => (await latestVersion(store, key))?.value

describe('the versions under a key', () => {
  it('include the one that was written last, with any value', async () => {
    const store = createMemoryStore({ clock })
    expect(latestVersion(store, key)).toBe(undefined)
    for (const text of ['one', '', ' two  words\n7 ', '{"a":1}']) {
      await next(store, text)
      expect(await last(store)).toBe(text)
    }
    expect((await latestVersion(store, key))?.number).toBe(4)
  })

  it('take one read where there are none, and two otherwise, however many there are', async () => {
    const memory = createMemoryStore({ clock })
    const reads: string[] = []
    const counted = {
      get(name: string) {
        reads.push(name)
        return memory.get(name)
      },
    }
    expect(latestVersion(counted, key)).toBe(undefined)
    expect(reads.splice(0)).toEqual([key])
    for (let count = 0; count < 50; count++) await next(memory, String(count))
    // At once, since the store answers at once.
    expect((latestVersion(counted, key) as Version).value).toBe('49')
    expect(reads).toHaveLength(2)
  })

  it('let one of two follow the same one', async () => {
    const store = createMemoryStore({ clock })
    expect(
      await Promise.all([
        writeVersion(store, key, undefined, 'a', 60),
        writeVersion(store, key, undefined, 'b', 60),
      ]),
    ).toEqual([{ series: '', number: 1, value: 'a' }, undefined])
    const after = await latestVersion(store, key)
    expect(await writeVersion(store, key, after, 'c', 60)).toMatchObject({ number: 2 })
    expect(await writeVersion(store, key, after, 'd', 60)).toBe(undefined)
    expect(await last(store)).toBe('c')
  })

  it('are of one series only, if the store has lost its beginning', async () => {
    const store = createMemoryStore({ clock })
    const versions = [await next(store, 'a'), await next(store, 'b')]
    // A shard of a cluster, which had the one and not the other.
    store.delete(key)
    versions.push(await next(store, 'c'))
    expect(await last(store)).toBe('c')
    expect(new Set(versions.map((version) => versionId(version as Version))).size).toBe(3)
  })

  it('are read where a value of another form is under the key', async () => {
    const store = createMemoryStore({ clock })
    for (const text of ['1900000000', '1', '', 'x y z', '9'.repeat(40)]) {
      store.put(key, text, 60)
      expect(await last(store)).toBe(text)
    }
  })

  it('end in an error over a store that refuses each claim', async () => {
    const memory = createMemoryStore({ clock })
    const store: Store = { ...bound(memory), claim: () => false }
    await expect(next(store, 'a')).rejects.toThrow(StoreUnfitError)
  })
})

describe('what takes effect late, or once more', () => {
  it('changes nothing, whatever it is, and whoever wrote it', async () => {
    const { store, writes } = resendingStore(clock)
    const before = await next(store, 'first')
    for (let count = 0; count < 4; count++) await next(store, String(count))
    expect(await writeVersion(store, key, before, 'late', 60)).toBe(undefined)
    for (const write of [...writes, ...writes.toReversed()]) {
      write()
      expect(await last(store)).toBe('3')
    }
    await next(store, 'more')
    expect((await latestVersion(store, key))?.number).toBe(6)
  })

  it('is held off by every order of two processes that write, and of what is sent once more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('a', 'b'), { minLength: 2, maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 8 }),
        async (scheduler, writers, repeated) => {
          const { store: memory, writes } = resendingStore(clock)
          const later =
            <A extends unknown[], R>(name: string, operation: (...given: A) => R | Promise<R>) =>
            (...given: A): Promise<R> =>
              scheduler.schedule(Promise.resolve(), name).then(() => operation(...given))
          const store: Store = {
            get: later('get', (name) => memory.get(name)),
            put: later('put', (...entry) => memory.put(...entry)),
            claim: later('claim', (...entry) => memory.claim(...entry)),
            delete: (name) => memory.delete(name),
          }
          const written: Version[] = []
          // Each writes one after the other, both at once.
          const write = async (writer: string): Promise<void> => {
            let own = 0
            for (const [index] of writers.entries()) {
              if (writers[index] !== writer) continue
              const known = Math.max(own, ...written.map(({ number }) => number))
              const version = (await writeNextVersion(store, key, () => [`${writer}${index}`, 60])) as Version
              // After every version that had been acknowledged before it was begun.
              expect(version.number).toBeGreaterThan(known)
              own = version.number
              written.push(version)
            }
          }
          for (const index of repeated)
            void scheduler
              .schedule(Promise.resolve(), 'again')
              .then(() => writes[index % (writes.length || 1)]?.())
          const writing = Promise.all([write('a'), write('b')])
          await scheduler.waitFor(writing)
          expect(new Set(written.map(({ number }) => number)).size).toBe(writers.length)
          const [latest] = written.toSorted((one, other) => other.number - one.number)
          for (const write of [undefined, ...writes]) {
            write?.()
            expect(await latestVersion(memory, key)).toMatchObject(latest as Version)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a version of which the second write is missing', () => {
  const clockOf = (time: { now: number }) => (): number => time.now
  it.each([
    ['was rejected', false],
    ['was never made, since the claim was taken for somebody else’s', true],
  ])('is found for its time once it is relied on, where it %s', async (_, isResent) => {
    const time = { now: 0 }
    const memory = createMemoryStore({ clock: clockOf(time) })
    await writeNextVersion(memory, key, () => ['first', 60])
    const store: Store = {
      ...bound(memory),
      claim: (...entry) => {
        const won = memory.claim(...entry)
        return isResent ? memory.claim(...entry) : won
      },
      put: () => {
        throw new Error('lost')
      },
    }
    const once = (last: Version | undefined): readonly [string | undefined, number] => [
      last?.value === 'second' ? undefined : 'second',
      600,
    ]
    await expect(writeNextVersion(store, key, once)).rejects.toThrow('lost')
    await writeNextVersion(memory, key, once)
    time.now = 599_000
    expect(await latestVersion(memory, key)).toMatchObject({ number: 2, value: 'second' })
  })
})

function bound(store: Store): Store {
  return {
    get: (name) => store.get(name),
    put: (...entry) => store.put(...entry),
    claim: (...entry) => store.claim(...entry),
    delete: (name) => store.delete(name),
  }
}

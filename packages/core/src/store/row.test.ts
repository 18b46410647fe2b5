import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resendingStore } from '../testing/resending-store.js'
import { createMemoryStore } from './memory-store.js'
import { lastWord, markOf, say, sayNext, type Word } from './row.js'
import { type Store, StoreUnfitError } from './store.js'

const clock = (): number => 0
const key = 'deny:key:a'
const next = (store: Store, text: string) => sayNext(store, key, () => [text, 60])
const last = async (store: Store): Promise<string | undefined> => (await lastWord(store, key))?.text

describe('a row', () => {
  it('has the word that was said last, with any text', async () => {
    const store = createMemoryStore({ clock })
    expect(lastWord(store, key)).toBe(undefined)
    for (const text of ['one', '', ' two  words\n7 ', '{"a":1}']) {
      await next(store, text)
      expect(await last(store)).toBe(text)
    }
    expect((await lastWord(store, key))?.number).toBe(4)
  })

  it('costs one read where nothing has been said and two otherwise, however much was', async () => {
    const memory = createMemoryStore({ clock })
    const reads: string[] = []
    const counted = {
      get(name: string) {
        reads.push(name)
        return memory.get(name)
      },
    }
    expect(lastWord(counted, key)).toBe(undefined)
    expect(reads.splice(0)).toEqual([key])
    for (let count = 0; count < 50; count++) await next(memory, String(count))
    // At once, since the store answers at once.
    expect((lastWord(counted, key) as Word).text).toBe('49')
    expect(reads).toHaveLength(2)
  })

  it('lets one of two words follow the same one', async () => {
    const store = createMemoryStore({ clock })
    expect(
      await Promise.all([say(store, key, undefined, 'a', 60), say(store, key, undefined, 'b', 60)]),
    ).toEqual([{ row: '', number: 1, text: 'a' }, undefined])
    const after = await lastWord(store, key)
    expect(await say(store, key, after, 'c', 60)).toMatchObject({ number: 2 })
    expect(await say(store, key, after, 'd', 60)).toBe(undefined)
    expect(await last(store)).toBe('c')
  })

  it('has no word of another row, where the store has lost what it begins with', async () => {
    const store = createMemoryStore({ clock })
    const words = [await next(store, 'a'), await next(store, 'b')]
    // A shard of a cluster, which had the one and not the other.
    store.delete(key)
    words.push(await next(store, 'c'))
    expect(await last(store)).toBe('c')
    expect(new Set(words.map((word) => markOf(word as Word))).size).toBe(3)
  })

  it('is read where an earlier version of it stands, or anything else', async () => {
    const store = createMemoryStore({ clock })
    for (const text of ['1900000000', '1', '', 'x y z', '9'.repeat(40)]) {
      store.put(key, text, 60)
      expect(await last(store)).toBe(text)
    }
  })

  it('ends nowhere else than with an error over a store that refuses each claim', async () => {
    const memory = createMemoryStore({ clock })
    const store: Store = { ...bound(memory), claim: () => false }
    await expect(next(store, 'a')).rejects.toThrow(StoreUnfitError)
  })
})

describe('what takes effect late, or once more', () => {
  it('changes nothing, whatever it is, and whoever said it', async () => {
    const { store, writes } = resendingStore(clock)
    const before = await next(store, 'first')
    for (let count = 0; count < 4; count++) await next(store, String(count))
    expect(await say(store, key, before, 'late', 60)).toBe(undefined)
    for (const write of [...writes, ...writes.toReversed()]) {
      write()
      expect(await last(store)).toBe('3')
    }
    await next(store, 'more')
    expect((await lastWord(store, key))?.number).toBe(6)
  })

  it('is held off by every order of two processes that speak, and of what is sent once more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('a', 'b'), { minLength: 2, maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 8 }),
        async (scheduler, speakers, repeated) => {
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
          const said: Word[] = []
          // Each says one after the other; both at once.
          const speak = async (speaker: string): Promise<void> => {
            let own = 0
            for (const [index] of speakers.entries()) {
              if (speakers[index] !== speaker) continue
              const known = Math.max(own, ...said.map(({ number }) => number))
              const word = (await sayNext(store, key, () => [`${speaker}${index}`, 60])) as Word
              // After every word that had been acknowledged before it was begun.
              expect(word.number).toBeGreaterThan(known)
              own = word.number
              said.push(word)
            }
          }
          for (const index of repeated)
            void scheduler
              .schedule(Promise.resolve(), 'again')
              .then(() => writes[index % (writes.length || 1)]?.())
          const speaking = Promise.all([speak('a'), speak('b')])
          await scheduler.waitFor(speaking)
          expect(new Set(said.map(({ number }) => number)).size).toBe(speakers.length)
          const [latest] = said.toSorted((one, other) => other.number - one.number)
          for (const write of [undefined, ...writes]) {
            write?.()
            expect(await lastWord(memory, key)).toMatchObject(latest as Word)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a word of which the second write is missing', () => {
  const clockOf = (time: { now: number }) => (): number => time.now
  it.each([
    ['was rejected', false],
    ['was never made, since the claim was taken for somebody else’s', true],
  ])('is found for its time once it is said to stand, where it %s', async (_, isResent) => {
    const time = { now: 0 }
    const memory = createMemoryStore({ clock: clockOf(time) })
    await sayNext(memory, key, () => ['first', 60])
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
    const saidOnce = (last: Word | undefined): readonly [string | undefined, number] => [
      last?.text === 'second' ? undefined : 'second',
      600,
    ]
    await expect(sayNext(store, key, saidOnce)).rejects.toThrow('lost')
    await sayNext(memory, key, saidOnce)
    time.now = 599_000
    expect(await lastWord(memory, key)).toMatchObject({ number: 2, text: 'second' })
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

import { afterEach, expect, it, vi } from 'vitest'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { shareKnownIssuers } from './listed-issuers.js'

const day = 86_400_000

/** A store that others may write to as well, and what has been asked of it; a clock that stands still. */
function openShared() {
  let now = 20_000 * day
  const asked: string[] = []
  const clock = (): number => now
  const inner = createMemoryStore({ clock })
  let failing = false
  const ask = <T>(what: string, answer: () => T): T => {
    asked.push(what)
    if (failing) throw new Error('no store')
    return answer()
  }
  const store: Store = {
    claim: (key, value, ttl) => inner.claim(key, value, ttl),
    delete: (key) => inner.delete(key),
    get: (key) => ask('get', () => inner.get(key)),
    put: (key, value, ttl) => ask('put', () => inner.put(key, value, ttl)),
  }
  const start = (of: Store) => {
    const shared = shareKnownIssuers({ store: of, clock, random: () => 0.5 })
    opened.push(shared)
    return shared
  }
  const open = () => start(store)
  const pass = (ms: number): void => {
    now += ms
  }
  const fail = (is: boolean): void => {
    failing = is
  }
  return { asked, store, start, open, clock, pass, fail }
}

const opened: { close(): void }[] = []
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
  vi.useRealTimers()
})

it('gives what one instance knew to the next, and writes only what is new', async () => {
  const { asked, open, clock } = openShared()
  const first = open()
  await settled()
  expect(asked.splice(0)).toEqual(['get'])
  first.known.note('https://ps.example', clock(), clock())
  await first.exchange()
  expect(asked.splice(0)).toEqual(['get', 'put'])
  const second = open()
  await settled()
  expect(second.known.has('https://ps.example')).toBe(true)
  for (const one of [first, second]) {
    one.known.note('https://ps.example', clock(), clock())
    await one.exchange()
  }
  expect(asked.splice(0)).toEqual(['get', 'get', 'get'])
})

it('adds up what instances write at the same moment, at the next', async () => {
  const { open, clock } = openShared()
  const [one, other] = [open(), open()]
  await settled()
  one.known.note('https://a.example', clock(), clock())
  other.known.note('https://b.example', clock(), clock())
  await Promise.all([one.exchange(), other.exchange()])
  await Promise.all([one.exchange(), other.exchange()])
  const next = open()
  await settled()
  expect(['a', 'b'].map((name) => next.known.has(`https://${name}.example`))).toEqual([true, true])
})

it('writes at its own times, whatever strangers bring', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const { asked, open, clock } = openShared()
  const { known, close } = open()
  await settled()
  for (let i = 0; i < 1000; i++) known.note(`https://evil-${i}.example`, clock(), clock())
  vi.advanceTimersByTime(599_999)
  await settled()
  expect(asked).toEqual(['get'])
  vi.advanceTimersByTime(1)
  await settled()
  expect(asked).toEqual(['get', 'get', 'put'])
  close()
  vi.advanceTimersByTime(10_000_000)
  await settled()
  expect(asked).toHaveLength(3)
})

it('is of no consequence where the store fails, and is made up for', async () => {
  const { open, clock, fail } = openShared()
  fail(true)
  const { known, exchange } = open()
  await settled()
  known.note('https://ps.example', clock(), clock())
  await exchange()
  expect(known.has('https://ps.example')).toBe(true)
  fail(false)
  await exchange()
  const next = open()
  await settled()
  expect(next.known.has('https://ps.example')).toBe(true)
})

it('writes at once that an operator has an issuer forgotten, and no instance lists it again', async () => {
  const { open, clock } = openShared()
  const [one, other] = [open(), open()]
  await settled()
  for (const { known, exchange } of [one, other]) {
    known.note('https://ps.example', clock(), clock() - 1000)
    await exchange()
  }
  one.known.strike('https://ps.example', clock())
  await settled()
  const next = open()
  await settled()
  expect(next.known.has('https://ps.example')).toBe(false)
  other.known.note('https://ps.example', clock(), clock() - 1000)
  await other.exchange()
  expect(other.known.has('https://ps.example')).toBe(false)
  const last = open()
  await settled()
  expect(last.known.has('https://ps.example')).toBe(false)
})

it('writes many that are forgotten in one go, also where the server ends right after', async () => {
  const { asked, open, clock } = openShared()
  const first = open()
  await settled()
  asked.splice(0)
  for (let i = 0; i < 100; i++) first.known.strike(`https://ps-${i}.example`, clock())
  await settled()
  // The first has it read at once; whether what came meanwhile was written with it is looked at once more.
  expect(asked.splice(0)).toEqual(['get', 'put', 'get'])
  first.known.strike('https://late.example', clock())
  first.known.strike('https://later.example', clock())
  first.close()
  await settled()
  expect(asked).toEqual(['get', 'put', 'get'])
  const next = open()
  await settled()
  expect(next.known.text().split('\n')).toHaveLength(102)
})

it('strikes at the next look what it could not when the store failed', async () => {
  const { open, clock, fail } = openShared()
  const first = open()
  first.known.note('https://ps.example', clock(), clock() - 1000)
  await first.exchange()
  fail(true)
  first.known.strike('https://ps.example', clock())
  await settled()
  fail(false)
  await first.exchange()
  const next = open()
  await settled()
  expect(next.known.has('https://ps.example')).toBe(false)
})

it('leaves nothing behind once nobody writes it for more than a week', async () => {
  const { open, clock, pass } = openShared()
  const first = open()
  first.known.note('https://ps.example', clock(), clock())
  await first.exchange()
  pass(7 * day)
  const second = open()
  await settled()
  expect(second.known.size).toBe(1)
  pass(day + 1)
  const third = open()
  await settled()
  expect(third.known.size).toBe(0)
})

it('waits for a store that is still connecting, and reads it in the end whatever it says', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  for (const connects of [true, false]) {
    const { asked, store, start } = openShared()
    const listeners: (() => void)[] = []
    start({ ...store, onConnected: (listener) => void listeners.push(listener) })
    vi.advanceTimersByTime(1999)
    expect(asked).toEqual([])
    if (connects) for (const listener of listeners) listener()
    else vi.advanceTimersByTime(1)
    expect(asked).toEqual(['get'])
    vi.advanceTimersByTime(10_000)
    expect(asked).toEqual(['get'])
  }
})

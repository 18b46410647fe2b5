import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import type { Store } from './store.js'

/** How the cases open the store under test. */
export interface StoreHarness {
  /**
   * Opens a store, and another way to the same state: a second client, process or instance. If there can be none,
   * omit `other`.
   */
  open(): Awaitable<OpenStore>
  /**
   * Opens a store that holds at most `entries`. Omit it for a server whose limit is configured elsewhere; then the
   * cases about full stores are not returned.
   */
  bounded?(entries: number): Awaitable<OpenStore>
}

/** A store under test. */
export interface OpenStore {
  readonly store: Store
  readonly other?: Store
  /** Lets `seconds` pass for this store: moves its clock, shortens the lifetimes of its entries, or waits. */
  pass(seconds: number): Awaitable<void>
  /** Called after the case, even if it failed. */
  close?(): Awaitable<void>
}

/** One case; `run` rejects with an `AssertionError` when the store breaks the contract. */
export interface StoreCase {
  readonly name: string
  run(): Promise<void>
}

type Check = (opened: OpenStore, key: (name: string) => string) => Promise<void>

/**
 * The contract of {@link Store} as cases for any test runner.
 *
 * Each case opens a store of its own and uses keys that no other case uses, so that it need not be empty.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { createMemoryStore } from '@countersign/core'
 * import { storeContract } from '@countersign/core/store-contract'
 *
 * const harness = {
 *   open() {
 *     let now = Date.now()
 *     const pass = (seconds: number): void => void (now += seconds * 1000)
 *     return { store: createMemoryStore({ clock: () => now }), pass }
 *   },
 * }
 * for (const { name, run } of storeContract(harness)) test(name, run)
 * ```
 */
export function storeContract(harness: StoreHarness): readonly StoreCase[] {
  const { bounded } = harness
  return [
    ...cases(general, () => harness.open()),
    ...(bounded === undefined ? [] : cases(whenFull, () => bounded.call(harness, 3))),
  ]
}

function cases(checks: Readonly<Record<string, Check>>, open: () => Awaitable<OpenStore>): StoreCase[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    async run() {
      const space = randomUUID()
      const opened = await open()
      try {
        await check(opened, (key) => `contract:${space}:${key}`)
      } finally {
        await opened.close?.()
      }
    },
  }))
}

const general: Readonly<Record<string, Check>> = {
  'has nothing under a key that was never set': async ({ store }, key) => {
    strictEqual(await store.get(key('a')), undefined)
  },

  'gives back what was put, byte for byte': async ({ store }, key) => {
    const values = ['', '0', 'null', 'plain', 'Grüße\u0000\n\u{1f35e}', JSON.stringify({ a: [1, null] })]
    for (const [index, value] of values.entries()) await store.put(key(`v${index}`), value, 60)
    for (const [index, value] of values.entries()) strictEqual(await store.get(key(`v${index}`)), value)
  },

  'takes keys of 512 bytes and values of 256 KiB': async ({ store }, key) => {
    const long = key('').padEnd(512, 'x')
    await store.put(long, 'y'.repeat(262_144), 60)
    strictEqual((await store.get(long))?.length, 262_144)
    strictEqual(await store.get(`${long.slice(0, -1)}z`), undefined)
  },

  'replaces the value and its time': async ({ store, pass }, key) => {
    await store.put(key('a'), 'first', 10)
    await store.put(key('a'), 'second', 100)
    await pass(20)
    strictEqual(await store.get(key('a')), 'second')
    await store.put(key('a'), 'third', 10)
    await pass(20)
    strictEqual(await store.get(key('a')), undefined)
  },

  'keeps an entry for its time and no longer': async ({ store, pass }, key) => {
    await store.put(key('put'), '1', 30)
    await store.claim(key('claimed'), '1', 30)
    await pass(25)
    strictEqual(await store.get(key('put')), '1')
    strictEqual(await store.get(key('claimed')), '1')
    await pass(10)
    strictEqual(await store.get(key('put')), undefined)
    strictEqual(await store.get(key('claimed')), undefined)
  },

  'takes a time that is no whole number of seconds': async ({ store, pass }, key) => {
    await store.put(key('a'), '1', 20.5)
    await store.claim(key('b'), '1', 20.25)
    strictEqual(await store.get(key('a')), '1')
    strictEqual(await store.get(key('b')), '1')
    await pass(21)
    strictEqual(await store.get(key('a')), undefined)
    strictEqual(await store.get(key('b')), undefined)
  },

  'lets a key be claimed once': async ({ store }, key) => {
    strictEqual(await store.claim(key('a'), 'mine', 60), true)
    strictEqual(await store.claim(key('a'), 'yours', 60), false)
    strictEqual(await store.claim(key('a'), 'mine', 60), false)
    strictEqual(await store.get(key('a')), 'mine')
  },

  'leaves the time of a claim alone when another fails': async ({ store, pass }, key) => {
    await store.claim(key('a'), 'mine', 10)
    await store.claim(key('a'), 'yours', 1000)
    await pass(15)
    strictEqual(await store.get(key('a')), undefined)
  },

  'lets a key be claimed again after its time': async ({ store, pass }, key) => {
    strictEqual(await store.claim(key('a'), 'mine', 10), true)
    await pass(15)
    strictEqual(await store.claim(key('a'), 'yours', 60), true)
    strictEqual(await store.get(key('a')), 'yours')
  },

  'refuses a claim on what was put, and allows one on what was deleted': async ({ store }, key) => {
    await store.put(key('a'), 'there', 60)
    strictEqual(await store.claim(key('a'), 'mine', 60), false)
    await store.delete(key('a'))
    strictEqual(await store.get(key('a')), undefined)
    strictEqual(await store.claim(key('a'), 'mine', 60), true)
  },

  'lets one of a hundred claims at once succeed': async ({ store, other = store }, key) => {
    const claims = Array.from({ length: 100 }, async (_, index) => {
      const claimant = index % 2 === 0 ? store : other
      return (await claimant.claim(key('a'), String(index), 60)) ? index : undefined
    })
    const winners = (await Promise.all(claims)).filter((index) => index !== undefined)
    strictEqual(winners.length, 1)
    strictEqual(await store.get(key('a')), String(winners[0]))
  },

  'deletes what is not there without complaint': async ({ store }, key) => {
    await store.delete(key('a'))
    await store.delete(key('a'))
  },

  'keeps keys apart': async ({ store }, key) => {
    await store.put(key('a'), '1', 60)
    await store.put(key('a:b'), '2', 60)
    await store.put(key('A'), '3', 60)
    await store.delete(key('a'))
    strictEqual(await store.get(key('a:b')), '2')
    strictEqual(await store.get(key('A')), '3')
  },

  'reads many keys as it reads one, where it can': async ({ store, other = store, pass }, key) => {
    if (store.getMany === undefined) return
    await other.put(key('a'), 'Grüße\u0000', 10)
    await other.claim(key('b'), '', 60)
    await other.put(key('c'), '3', 60)
    await other.delete(key('c'))
    const asked = ['b', 'never', 'a', 'c'].map(key)
    deepStrictEqual([...(await store.getMany(asked))], ['', undefined, 'Grüße\u0000', undefined])
    const most = Array.from({ length: 128 }, (_, index) => key(`m${index}`))
    await other.put(key('m127'), 'last', 60)
    const values = await store.getMany(most)
    strictEqual(values.length, 128)
    strictEqual(values[127], 'last')
    await pass(15)
    deepStrictEqual([...(await store.getMany(asked))], ['', undefined, undefined, undefined])
  },

  'shows every process what another has acknowledged': async ({ store, other = store }, key) => {
    for (let round = 0; round < 20; round++) {
      await store.put(key(`p${round}`), String(round), 60)
      strictEqual(await other.get(key(`p${round}`)), String(round))
      await other.delete(key(`p${round}`))
      strictEqual(await store.get(key(`p${round}`)), undefined)
    }
  },
}

const whenFull: Readonly<Record<string, Check>> = {
  'refuses when full, and forgets nothing for it': async ({ store }, key) => {
    for (const name of ['a', 'b', 'c']) await store.put(key(name), name, 60)
    await rejects(async () => store.put(key('d'), 'd', 60), isFull)
    await rejects(async () => store.claim(key('e'), 'e', 60), isFull)
    deepStrictEqual(await Promise.all(['a', 'b', 'c', 'd', 'e'].map(async (name) => store.get(key(name)))), [
      'a',
      'b',
      'c',
      undefined,
      undefined,
    ])
  },

  'goes on serving and replacing what it holds when full': async ({ store }, key) => {
    for (const name of ['a', 'b', 'c']) await store.put(key(name), name, 60)
    await store.put(key('a'), 'again', 60)
    strictEqual(await store.get(key('a')), 'again')
    strictEqual(await store.claim(key('b'), 'mine', 60), false)
  },

  'has room again when something was deleted or has expired': async ({ store, pass }, key) => {
    for (const name of ['a', 'b', 'c']) await store.put(key(name), name, name === 'a' ? 10 : 60)
    await store.delete(key('b'))
    strictEqual(await store.claim(key('d'), 'd', 60), true)
    await rejects(async () => store.put(key('e'), 'e', 60), isFull)
    await pass(15)
    await store.put(key('e'), 'e', 60)
    strictEqual(await store.get(key('e')), 'e')
    strictEqual(await store.get(key('c')), 'c')
  },
}

function isFull(error: unknown): true {
  ok(
    error instanceof Error && error.name === 'StoreFullError',
    'a full store has to refuse with StoreFullError',
  )
  return true
}

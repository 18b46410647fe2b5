import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { createAdoption } from './adoption.js'
import { type AdoptionRow, type Noted, Tally } from './tally.js'

const noted = (more: Partial<Noted> = {}): Noted => ({
  route: '/notes/:id',
  code: 'person-token',
  status: 401,
  enforced: false,
  issuer: 'https://ap.example',
  agent: 'aauth:one@ap.example',
  at: 1000,
  id: () => 'id',
  ...more,
})
const total = (rows: readonly AdoptionRow[]): number => rows.reduce((sum, { count }) => sum + count, 0)

function instances(store: Store, count: number, time = { now: 1_000_000 }) {
  const clock = (): number => time.now
  return Array.from({ length: count }, () => createAdoption({ store, clock, monotonic: clock }))
}

describe('a tally', () => {
  it('counts by route, code, issuer and agent, with the first and the last time and one example', () => {
    const tally = new Tally()
    for (const [index, at] of [1000, 1500, 1200].entries()) tally.note(noted({ at, id: () => `id${index}` }))
    tally.note(noted({ code: 'served', status: 200 }))
    expect(tally.rows()).toMatchObject([
      { count: 3, first: 1000, last: 1500, example: 'id0', code: 'person-token' },
      { count: 1, code: 'served' },
    ])
  })

  it('keeps every count, and the rows of others, whatever a site with a million agents does', () => {
    const tally = new Tally()
    for (let i = 0; i < 20; i++) {
      const site = `https://ap.honest${i}.example`
      tally.note(noted({ issuer: site, agent: `aauth:a@honest${i}.example` }))
    }
    for (let i = 0; i < 8000; i++)
      tally.note(
        noted({ issuer: `https://x${i}.flood.example`, agent: `aauth:${i}@flood.example`.padEnd(90, 'x') }),
      )
    const rows = tally.rows()
    expect(total(rows)).toBe(8020)
    expect(rows.filter(({ issuer }) => issuer?.includes('honest'))).toHaveLength(20)
    expect(Buffer.byteLength(JSON.stringify(rows))).toBeLessThan(262_144)
  })

  it('is bounded where routes, codes and names are a stranger’s, too', () => {
    const tally = new Tally()
    for (let i = 0; i < 1000; i++) {
      const odd = `/${'"\\\u0000\u{1f35e}'.repeat(100)}${i}`
      tally.note(noted({ route: `${i}${odd}`, code: `${i}${odd}`, issuer: undefined, agent: undefined }))
      tally.note(noted({ route: `${i}${odd}`, agent: `${i}${odd}`, issuer: `https://${i}.example` }))
    }
    expect(total(tally.rows())).toBe(2000)
    expect(Buffer.byteLength(JSON.stringify(tally.rows()))).toBeLessThan(262_144)
  })
})

describe('a report', () => {
  it('adds up all instances that share the store', async () => {
    const [a, b, c] = instances(createMemoryStore(), 3)
    a?.note(noted())
    b?.note(noted({ at: 500, id: () => 'earlier' }))
    b?.note(noted({ agent: 'aauth:two@ap.example' }))
    await b?.flush()
    await a?.flush()
    const report = await c?.report()
    expect(report).toMatchObject({ complete: true })
    expect(report?.rows).toMatchObject([
      { agent: 'aauth:one@ap.example', count: 2, first: 500, last: 1000, example: 'earlier' },
      { agent: 'aauth:two@ap.example', count: 1 },
    ])
  })

  it('goes on from what an instance that has ended had counted, and forgets what is 14 days old', async () => {
    const time = { now: 1_000_000 }
    const store = createMemoryStore({ clock: () => time.now })
    const keys = new Set<string>()
    const seen: Store = {
      get: (key) => store.get(key),
      claim: (key, value, ttl) => store.claim(key, value, ttl),
      delete: (key) => store.delete(key),
      put(key, value, ttl) {
        keys.add(key)
        return store.put(key, value, ttl)
      },
    }
    for (let i = 0; i < 70; i++) {
      const [one] = instances(seen, 1, time)
      one?.note(noted({ at: time.now / 1000 }))
      await one?.flush()
      time.now += 301_000
    }
    expect([...keys].filter((key) => key.startsWith('adoption:rows'))).toHaveLength(1)
    const [last] = instances(seen, 1, time)
    expect((await last?.report())?.rows).toMatchObject([{ count: 70 }])
    time.now += 15 * 86_400_000
    expect((await last?.report())?.rows).toEqual([])
  })

  it('loses nothing while the store fails, counts nothing twice where it has taken what it failed on, and says so', async () => {
    const store = createMemoryStore()
    let faults: 'none' | 'all' | 'after' = 'all'
    const failing: Store = {
      get: (key) => (faults === 'all' ? Promise.reject(new Error('down')) : store.get(key)),
      claim: (key, value, ttl) => store.claim(key, value, ttl),
      delete: (key) => store.delete(key),
      put: async (key, value, ttl) => {
        await store.put(key, value, ttl)
        if (faults === 'after' && key.includes('rows')) throw new Error('lost')
      },
    }
    const [one] = instances(failing, 1)
    one?.note(noted())
    expect(await one?.report()).toMatchObject({ complete: false, rows: [{ count: 1 }] })
    faults = 'after'
    expect(await one?.report()).toMatchObject({ complete: false, rows: [{ count: 1 }] })
    one?.note(noted())
    faults = 'none'
    expect(await one?.report()).toMatchObject({ complete: true, rows: [{ count: 2 }] })
  })

  it('is written every half minute, without anybody waiting for it', async () => {
    const time = { now: 1_000_000 }
    const store = createMemoryStore({ clock: () => time.now })
    const [one, other] = instances(store, 2, time)
    one?.note(noted())
    expect((await other?.report())?.rows).toEqual([])
    time.now += 30_000
    one?.note(noted())
    await one?.flush()
    expect((await other?.report())?.rows).toMatchObject([{ count: 2 }])
  })

  it('takes no harm from what somebody else has stored', async () => {
    const store = createMemoryStore()
    for (const [n, value] of ['{', '[]', '{"batch":"x","rows":[{"count":-1}]}', 'null'].entries())
      await store.put(`adoption:rows:${n}`, value, 60)
    const [one] = instances(store, 1)
    one?.note(noted())
    expect(await one?.report()).toMatchObject({ complete: true, rows: [{ count: 1 }] })
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryStore, type MemoryStore } from '../store/memory-store.js'
import { now } from '../testing/party.js'
import { boundedRate, RevocationRate, revocationLimits } from './revocation-limits.js'

let time = now
const clock = (): number => time * 1000
let store: MemoryStore
beforeEach(() => {
  time = now
  store = createMemoryStore({ clock })
})
/** Tries to take this many. @returns how many it got */
const take = async (
  rate: RevocationRate,
  who: string,
  wanted: number,
  perMinute: number,
): Promise<number> => {
  let taken = 0
  for (let index = 0; index < wanted; index++) {
    if ((await rate.take(who, perMinute)) === undefined) taken++
  }
  return taken
}

describe('the rate of revocations', () => {
  it('is shared by all instances', async () => {
    const [one, two] = [new RevocationRate(store, clock), new RevocationRate(store, clock)]
    const got = await Promise.all([take(one, 'ps', 50, 60), take(two, 'ps', 50, 60)])
    expect(got[0] + got[1]).toBe(60)
  })

  it('is separate for each issuer', async () => {
    const rate = new RevocationRate(store, clock)
    expect(await take(rate, 'one', 10, 5)).toBe(5)
    expect(await take(rate, 'two', 10, 5)).toBe(5)
  })

  it('starts again with each minute, and says when that is', async () => {
    const rate = new RevocationRate(store, clock)
    time = Math.ceil(now / 60) * 60 + 45
    expect(await take(rate, 'ps', 6, 5)).toBe(5)
    expect(await rate.take('ps', 5)).toMatchObject({ code: 'rate_limited', details: { retryAfter: 15 } })
    time += 15
    expect(await take(rate, 'ps', 6, 5)).toBe(5)
  })

  it('costs a late instance at most one try for each slot, once', async () => {
    await take(new RevocationRate(store, clock), 'ps', 60, 60)
    let claims = 0
    const counted = {
      get: (key: string) => store.get(key),
      put: (key: string, value: string, ttl: number) => store.put(key, value, ttl),
      delete: (key: string) => store.delete(key),
      claim: (key: string, value: string, ttl: number) => {
        claims++
        return store.claim(key, value, ttl)
      },
    }
    const late = new RevocationRate(counted, clock)
    await late.take('ps', 60)
    await late.take('ps', 60)
    expect(claims).toBe(60)
  })

  it('is not remembered beyond its minute', async () => {
    const rate = new RevocationRate(store, clock)
    await take(rate, 'ps', 60, 60)
    time += 120
    await rate.take('ps', 60)
    expect(store.size).toBe(1)
  })
})

describe('the rate shared by issuers', () => {
  const together = async (
    rate: RevocationRate,
    who: string,
    wanted: number,
    { perMinute = 60, part = who }: { perMinute?: number; part?: string } = {},
  ): Promise<number> => {
    let taken = 0
    const pool = { who: 'newcomers', part, perMinute: 600 }
    for (let index = 0; index < wanted; index++)
      if ((await rate.takeBoth({ who, perMinute }, pool)) === undefined) taken++
    return taken
  }

  it('is not used up by the issuers of one domain, however many', async () => {
    const rate = new RevocationRate(store, clock)
    let taken = 0
    for (let index = 0; index < 100; index++)
      taken += await together(rate, `https://i${index}.evil.example`, 20, { part: 'evil.example' })
    expect(taken).toBe(150)
    expect(await together(rate, 'https://ps.example', 60)).toBe(60)
  })

  it('leaves each issuer its own rate when it is used up', async () => {
    const rate = new RevocationRate(store, clock)
    for (let index = 0; index < 700; index++) await together(rate, `https://made-up-${index}.example`, 1)
    expect(await together(rate, 'https://ps.example', 100)).toBe(0)
    // For example, one of its tokens has verified in the meantime.
    expect(await take(rate, 'https://ps.example', 100, 60)).toBe(60)
    const [before] = [store.size]
    expect(await together(rate, 'https://other.example', 100)).toBe(0)
    expect(store.size).toBe(before)
  })

  it('is not used by an issuer whose own rate is used up', async () => {
    const rate = new RevocationRate(store, clock)
    expect(await together(rate, 'https://evil.example', 1000)).toBe(60)
    for (let index = 0; index < 300; index++) await together(rate, `https://made-up-${index}.example`, 1)
    expect(await together(rate, 'https://ps.example', 10)).toBe(10)
  })

  it('is one limit for all instances that share the store', async () => {
    const instances = [new RevocationRate(store, clock), new RevocationRate(store, clock)] as const
    let taken = 0
    for (let index = 0; index < 800; index++)
      taken += await together(instances[index % 2] as RevocationRate, `https://made-up-${index}.example`, 1)
    expect(taken).toBe(600)
  })
})

describe('the limit on live revocations', () => {
  it('is enforced by the rate: revocations live no longer than their tokens', () => {
    const lifetime = 3600 + 60 + 60
    for (const live of [1, 63, 1000, 10_000]) {
      const perMinute = boundedRate({ ...revocationLimits, perMinute: 1_000_000, live }, lifetime)
      // Minutes in which live revocations may have been recorded.
      const minutes = Math.ceil(lifetime / 60) + 1
      expect(perMinute === 1 || perMinute * minutes <= live).toBe(true)
    }
  })

  it('does not change the default rate', () => {
    expect(boundedRate(revocationLimits, 3720)).toBe(60)
  })
})

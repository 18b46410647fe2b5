import { beforeEach, describe, expect, it } from 'vitest'
import type { TokenCaller } from '../caller.js'
import type { IssuerClass } from '../issuer/issuer-keys.js'
import { createOpenRate, type OpenRate } from './open-rate.js'
import { pendingOptionsSchema } from './options.js'
import { createPollRate } from './poll-rate.js'

let now = 0
beforeEach(() => {
  now = 1_800_000_000_000
})

describe('the rate of opened pending requests', () => {
  let named: string | undefined
  const standing = (issuer: string): IssuerClass => (issuer === named ? 'named' : 'newcomer')
  const openRate = (options: object = {}): OpenRate =>
    createOpenRate(pendingOptionsSchema.parse(options), () => now, standing)
  let keys = 0
  const enter = (of: OpenRate, iss: string, jkt = `key ${keys++}`): number | undefined =>
    of.enter({ jkt, token: { iss } } as TokenCaller)
  const count = (of: OpenRate, issuers: readonly string[], tries: number): number => {
    let opened = 0
    for (let index = 0; index < tries; index++)
      if (enter(of, issuers[index % issuers.length] as string) === undefined) opened++
    return opened
  }

  it('is limited for one key and for one issuer, per minute', () => {
    const of = openRate({ perKey: 2, perIssuer: 5 })
    expect([1, 2, 3].map(() => enter(of, 'https://a.example', 'one'))).toEqual([undefined, undefined, 60])
    expect(count(of, ['https://a.example'], 10)).toBe(3)
    now += 59_500
    expect(enter(of, 'https://a.example')).toBe(1)
    now += 500
    expect(enter(of, 'https://a.example')).toBe(undefined)
  })

  it('is one limit for all issuers below one domain, and leaves most to others', () => {
    const of = openRate()
    const made = Array.from({ length: 5000 }, (_, index) => `https://i${index}.evil.example`)
    expect(count(of, made, 20_000)).toBe(750)
    expect(count(of, ['https://a.example'], 1000)).toBe(562)
    for (let index = 0; index < 10; index++) count(of, [`https://made-up-${index}.example`], 1000)
    expect(enter(of, 'https://b.example')).toBe(undefined)
  })

  it('never forgets a limit that was reached, whatever else is tried within the minute', () => {
    const of = openRate({ perIssuer: 100 })
    expect(count(of, ['https://evil.example'], 200)).toBe(100)
    // Refused, with any number of keys and issuers: these displace no entries.
    const made = Array.from({ length: 30_000 }, (_, index) => `https://i${index}.other.example`)
    count(of, made, 30_000)
    for (let index = 0; index < 20_000; index++) enter(of, 'https://evil.example')
    expect(enter(of, 'https://evil.example')).toBe(60)
  })

  it('does not count named issuers towards the limit of all others', () => {
    named = 'https://named.example'
    const of = openRate({ perMinute: 100 })
    for (let index = 0; index < 200; index++) count(of, [`https://made-up-${index}.example`], 100)
    expect(enter(of, 'https://new.example')).toBe(60)
    expect(count(of, [named], 1000)).toBe(600)
  })

  it('starts again when the clock is set back', () => {
    const of = openRate({ perKey: 1 })
    enter(of, 'https://a.example', 'one')
    now -= 3_600_000
    expect(enter(of, 'https://a.example', 'one')).toBe(undefined)
  })
})

describe('the rate of polls', () => {
  const polls = (allowed: (id: string) => boolean, id: string, tries: number): number =>
    Array.from({ length: tries }, () => allowed(id)).filter(Boolean).length

  it('is ten at once, then one a second', () => {
    const allowed = createPollRate(() => now)
    expect(polls(allowed, 'a', 20)).toBe(10)
    now += 3000
    expect(polls(allowed, 'a', 20)).toBe(3)
    expect(polls(allowed, 'b', 20)).toBe(10)
    now += 10_000
    expect(polls(allowed, 'a', 20)).toBe(10)
  })

  it('is remembered in spite of many others', () => {
    const allowed = createPollRate(() => now, 100)
    expect(polls(allowed, 'a', 20)).toBe(10)
    for (let index = 0; index < 1000; index++) allowed(`other ${index}`)
    expect(polls(allowed, 'a', 20)).toBe(0)
    // Requests without a bucket share one.
    expect(polls(allowed, 'late', 200)).toBe(0)
    now += 1000
    expect(polls(allowed, 'late', 200)).toBe(10)
    now += 10_000
    expect(polls(allowed, 'late', 200)).toBe(10)
  })
})

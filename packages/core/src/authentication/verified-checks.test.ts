import { beforeEach, describe, expect, it } from 'vitest'
import type { Awaitable } from '../awaitable.js'
import { Refusal } from '../errors.js'
import type { AAuthEvent, StoreUse, UntimedEvent } from '../events.js'
import { createState, type State } from '../server/state.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { watchStore } from '../store/watched-store.js'
import { testContext } from '../testing/context.js'
import { fakeIssuers, now, signed, token } from '../testing/party.js'
import { Deadlines } from '../time/deadline.js'
import { type AuthenticationContext, authenticate } from './authenticate.js'
import { readMarks } from './verified-checks.js'

let time = now
const clock = (): number => time * 1000
const events: UntimedEvent<AAuthEvent>[] = []
const report = (event: UntimedEvent<AAuthEvent>): void => void events.push(event)
/** A store of which single verbs can be broken, as over a network: every answer is a promise. */
let broken: Set<string>
let memory: Store
let state: State
beforeEach(() => {
  time = now
  events.length = 0
  broken = new Set()
  memory = createMemoryStore({ clock })
  state = open()
})

const open = (reportOnlyUntil = Number.NEGATIVE_INFINITY): State => {
  const ask = async <T>(verb: string, key: string, answer: () => Awaitable<T>): Promise<T> => {
    if (broken.has(verb) || broken.has(key.split(':')[0] as string)) throw new Error('connection lost')
    return answer()
  }
  const store = watchStore(
    {
      get: (key) => ask('get', key, () => memory.get(key)),
      put: (key, value, ttl) => ask('put', key, () => memory.put(key, value, ttl)),
      claim: (key, value, ttl) => ask('claim', key, () => memory.claim(key, value, ttl)),
      delete: (key) => ask('delete', key, () => memory.delete(key)),
    },
    { timeout: 1000, clock, monotonic: clock, report },
  )
  return createState({
    deadlines: new Deadlines(2000, () => {}),
    resource: 'https://rs.example',
    users: undefined,
    longest: 3600,
    subjects: { hashOf: () => 'hash' },
    store,
    replayStore: store,
    signatureWindow: 60,
    replayReportOnlyUntil: reportOnlyUntil,
    clock,
    monotonic: clock,
    report,
  })
}

const issuers = fakeIssuers()
const context = (): AuthenticationContext => ({
  ...testContext(issuers, clock, state),
  replay: 'unsafe',
})
const outcome = async (method = 'POST'): Promise<string> => {
  const request = { method, target: '/data', rawHeaders: ['Host', 'rs.example'] }
  const sent = await signed(await token('aa-auth+jwt'), {}, request)
  const result = await authenticate(sent, context())
  if (result instanceof Refusal) return result.code
  // As whoever lets the request take effect does.
  return (await state.replays.use(sent, 'unsafe'))?.code ?? 'served'
}
const order = (...uses: StoreUse[]) => ({
  uses,
  seconds: 60,
  reason: 'Redis is being moved',
  by: 'night watch',
})

describe('a store that cannot be asked', () => {
  it('control: serves while it can', async () => {
    expect(await outcome()).toBe('served')
  })

  it.each(['revoked', 'deny', 'replay'])('refuses where it is needed: %s', async (use) => {
    broken.add(use)
    expect(await outcome()).toBe('store_unavailable')
  })

  it('is not asked about replays of a method that changes nothing', async () => {
    broken.add('claim')
    expect(await outcome('GET')).toBe('served')
  })

  it('still refuses what it did say', async () => {
    await state.revocations.record({ iss: 'https://ps.example', jti: 'token-1', exp: now + 60 })
    broken.add('deny')
    expect(await outcome()).toBe('revoked_jwt')
  })

  it('says when to come back', async () => {
    broken.add('get')
    const request = await signed(await token('aa-auth+jwt'))
    expect(await authenticate(request, context())).toMatchObject({
      code: 'store_unavailable',
      details: { retryAfter: 2 },
    })
  })

  it('serves again without a restart', async () => {
    broken.add('get')
    expect(await outcome()).toBe('store_unavailable')
    broken.clear()
    expect(await outcome()).toBe('served')
    expect(events.map(({ name }) => name)).toEqual(['store-failed', 'store-recovered'])
  })
})

describe('broken glass', () => {
  it.each([
    ['revocation', 'revoked'],
    ['denial', 'deny'],
    ['replay', 'replay'],
  ] as const)('lets %s pass, and records each time', async (use, prefix) => {
    state.breakGlass.open(order(use))
    broken.add(prefix)
    expect(await outcome('POST')).toBe('served')
    expect(await outcome('PUT')).toBe('served')
    const used = events.filter(({ name }) => name === 'break-glass-used')
    expect(used).toEqual([1, 2].map(() => ({ name: 'break-glass-used', use, by: 'night watch' })))
  })

  it('lets nothing else pass', async () => {
    state.breakGlass.open(order('replay'))
    broken.add('get')
    expect(await outcome()).toBe('store_unavailable')
  })

  it('lets nothing pass that the store does know', async () => {
    state.breakGlass.open(order('revocation', 'denial', 'replay'))
    await state.revocations.record({ iss: 'https://ps.example', jti: 'token-1', exp: now + 60 })
    expect(await outcome()).toBe('revoked_jwt')
  })

  it('closes by itself, and says so', async () => {
    state.breakGlass.open(order('revocation', 'denial', 'replay'))
    broken.add('get')
    time += 59
    expect(await outcome('GET')).toBe('served')
    expect(state.breakGlass.current()).toMatchObject({ until: now + 60 })
    time += 1
    expect(await outcome('GET')).toBe('store_unavailable')
    expect(state.breakGlass.current()).toBe(undefined)
    expect(events.map(({ name }) => name)).toContain('break-glass-closed')
  })

  it.each([
    [{ ...order('replay'), seconds: 3601 }, /seconds/],
    [{ ...order('replay'), reason: ' ' }, /reason/],
    [{ ...order('replay'), by: '' }, /by/],
    [order(), /uses/],
    [order('sessions' as never), /uses/],
  ])('refuses %o', (wrong, message) => {
    expect(() => state.breakGlass.open(wrong)).toThrow(message)
    expect(state.breakGlass.current()).toBe(undefined)
  })
})

describe('replays that are only reported', () => {
  it('pass until the date, and not after', async () => {
    state = open((now + 30) * 1000)
    expect(await outcome()).toBe('served')
    expect(await outcome()).toBe('served')
    expect(events).toEqual([{ name: 'replay-reported' }])
    time += 30
    expect(await outcome()).toBe('invalid_signature')
  })

  it('pass when the store is down, since nothing would be refused', async () => {
    state = open((now + 30) * 1000)
    broken.add('claim')
    expect(await outcome()).toBe('served')
  })
})

describe('marks whose reads go together', () => {
  const lists = (revoked: Promise<string>, denied: Promise<string>) => ({
    revocations: { ...state.revocations, mark: () => revoked },
    denials: { ...state.denials, mark: () => denied },
  })

  it('are settled once for all requests that share the reading, and for no others', async () => {
    const [revoked, denied] = [Promise.resolve('r1'), Promise.resolve('d1')]
    const first = readMarks(lists(revoked, denied))
    expect(readMarks(lists(revoked, denied))).toBe(first)
    for (const other of [lists(Promise.resolve('r1'), denied), lists(revoked, Promise.resolve('d1'))])
      expect(readMarks(other)).not.toBe(first)
    // A reading that is not shared with the one before it begins anew, whatever came between.
    expect(readMarks(lists(revoked, denied))).not.toBe(first)
  })

  it('judge each request by itself, also where one of them is refused', async () => {
    const other = { iss: 'https://ps.example', jti: 'another-token', exp: now + 60 }
    await state.revocations.record(other)
    expect(await Promise.all([outcome('GET'), outcome('GET')])).toEqual(['served', 'served'])
    await state.revocations.record({ ...other, jti: 'token-1' })
    expect(await Promise.all([outcome('GET'), outcome('GET')])).toEqual(['revoked_jwt', 'revoked_jwt'])
  })

  it('refuse all of them where one list cannot be asked, and no rejection is left over', async () => {
    broken.add('deny')
    expect(await Promise.all([outcome('GET'), outcome('GET')])).toEqual([
      'store_unavailable',
      'store_unavailable',
    ])
  })
})

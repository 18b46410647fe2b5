import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Agent, type Person, sealCaller } from '../caller.js'
import type { PendingRecord } from '../pending/record.js'
import { createRevocations } from '../revocation/revocations.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { sealedSessions, storedSessions } from './codec.js'
import { createEndedSessions } from './ended.js'
import { createKeyRing } from './key-ring.js'
import { sessionOptionsSchema } from './options.js'
import { createSessions, type SessionDesk } from './sessions.js'

let now: number
let store: Store
const clock = (): number => now
const agent = (jkt = 'key-1'): Agent =>
  sealCaller({
    kind: 'agent',
    agent: 'aauth:sam@ap.example',
    provider: 'https://ap.example',
    jkt,
    token: { iss: 'https://ap.example', jti: 'at', iat: 0, exp: 0 },
  })
const person: Person = sealCaller({
  kind: 'person',
  person: { ps: 'https://ps.example', sub: 'mom' },
  jkt: 'key-1',
  token: { iss: 'https://ps.example', jti: 'pt', iat: 0, exp: 0 },
})
const recordOf = (caller: Agent | Person): PendingRecord =>
  ({ jkt: caller.jkt, caller, session: { scope: ['data.read'] } }) as unknown as PendingRecord

const desk = (options: object = {}): SessionDesk => {
  const settings = sessionOptionsSchema.parse({ renewAfter: 100, grace: 10, ...options })
  const codec =
    settings.keep === 'store'
      ? storedSessions(store, clock)
      : sealedSessions(createKeyRing(settings, store, clock))
  const ended = createEndedSessions(settings, store, createRevocations(store, clock), clock)
  return createSessions({ resource: 'https://rs.example', settings, codec, ended, store, clock })
}
const begin = async (sessions: SessionDesk, caller: Agent | Person = agent(), data?: unknown) => {
  const approval = { outcome: 'approved', user: 'mom', data } as const
  const answer = await sessions.begin(recordOf(caller), approval)
  return answer.headers['AAuth-Access'] as string
}
const pass = (seconds: number): void => {
  now += seconds * 1000
}
beforeEach(() => {
  now = 1_800_000_000_000
  store = createMemoryStore({ clock })
})

describe.each(['token', 'store'])('a session kept in the %s', (keep) => {
  it('is a token68 that says nothing, and is found again by its key (R-204, R-208)', async () => {
    const sessions = desk({ keep })
    const token = await begin(sessions, agent(), { access_token: 'ya29.secret' })
    expect(token).toMatch(/^[A-Za-z0-9._~+/-]+=*$/)
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain('mom')
    const found = await sessions.find(token, agent())
    expect(found).toEqual({
      connected: expect.objectContaining({
        kind: 'session',
        user: 'mom',
        scope: ['data.read'],
        data: { access_token: 'ya29.secret' },
        by: expect.objectContaining({ agent: 'aauth:sam@ap.example' }),
      }),
    })
    expect(Object.isFrozen(found?.connected)).toBe(true)
  })

  it('is no session with another key, tampered with or made up (R-206, N-129, N-130, HC-100)', async () => {
    const sessions = desk({ keep })
    const token = await begin(sessions)
    expect(await sessions.find(token, agent('key-2'))).toBe(undefined)
    const middle = Math.floor(token.length / 2)
    const other = token[middle] === 'A' ? 'B' : 'A'
    for (const bad of [
      `${token.slice(0, middle)}${other}${token.slice(middle + 1)}`,
      'a.b.c.d.e',
      '~',
      'x'.repeat(9000),
    ])
      expect(await sessions.find(bad, agent())).toBe(undefined)
  })

  it('ends when it is not used, and when it is old', async () => {
    const sessions = desk({ keep, lifetime: 1000, maxAge: 2500 })
    const token = await begin(sessions)
    pass(999)
    const renewed = await (await sessions.find(token, agent()))?.renew?.()
    pass(1)
    expect(await sessions.find(token, agent())).toBe(undefined)
    pass(998)
    const again = await (await sessions.find(renewed as string, agent()))?.renew?.()
    pass(502)
    expect(await sessions.find(again as string, agent())).toBe(undefined)
  })

  it('is replaced in time; the old token lives for a grace only (R-209)', async () => {
    const sessions = desk({ keep })
    const token = await begin(sessions)
    pass(99)
    expect((await sessions.find(token, agent()))?.renew).toBe(undefined)
    pass(1)
    const first = (await (await sessions.find(token, agent()))?.renew?.()) as string
    pass(10)
    const second = (await (await sessions.find(token, agent()))?.renew?.()) as string
    pass(1)
    expect(await sessions.find(token, agent())).toBe(undefined)
    for (const renewed of [first, second])
      expect((await sessions.find(renewed, agent()))?.connected.user).toBe('mom')
  })

  it('is ended by person, by key and by itself; later ones are not', async () => {
    const sessions = desk({ keep })
    for (const select of [{ user: 'mom' }, { jkt: 'key-1' }, undefined]) {
      const token = await begin(sessions)
      const other = await begin(sessions, agent('key-9'))
      const id = (await sessions.find(token, agent()))?.connected.session.id as string
      pass(1)
      await sessions.end(select ?? { id })
      expect(await sessions.find(token, agent())).toBe(undefined)
      if (select?.user === undefined) expect(await sessions.find(other, agent('key-9'))).not.toBe(undefined)
      pass(1)
      expect(await sessions.find(await begin(sessions), agent())).not.toBe(undefined)
    }
  })

  it('ends with the person token it was begun with', async () => {
    const sessions = desk({ keep })
    const token = await begin(sessions, person)
    expect(await sessions.find(token, agent())).not.toBe(undefined)
    await createRevocations(store, clock).record({
      iss: 'https://ps.example',
      jti: 'pt',
      exp: now / 1000 + 100,
    })
    expect(await sessions.find(token, agent())).toBe(undefined)
  })

  it('is refused when the store cannot say whether it was ended', async () => {
    const token = await begin(desk({ keep }))
    const get = store.get.bind(store)
    store = {
      get: (key) => (key.startsWith('session-ended') ? Promise.reject(new Error('down')) : get(key)),
      put: () => {},
      claim: () => true,
      delete: () => {},
    }
    await expect(desk({ keep }).find(token, agent())).rejects.toThrow('down')
  })
})

describe('secrets', () => {
  const secret = (): string => randomBytes(32).toString('base64url')

  it('rotate: a new one seals, the old one still opens, a dropped one does not', async () => {
    const [old, fresh] = [secret(), secret()]
    const token = await begin(desk({ keys: [old] }))
    expect(await desk({ keys: [fresh, old] }).find(token, agent())).not.toBe(undefined)
    expect(await desk({ keys: [fresh] }).find(token, agent())).toBe(undefined)
  })

  it('turn by themselves, the same in every process that shares the store', async () => {
    const [one, other] = [desk({ lifetime: 1000 }), desk({ lifetime: 1000 })]
    const token = await begin(one)
    expect(await other.find(token, agent())).not.toBe(undefined)
    pass(900)
    const kidOf = (jwe: string): unknown =>
      JSON.parse(Buffer.from(jwe.split('.')[0] as string, 'base64url').toString()).kid
    const later = await begin(other)
    expect(await one.find(token, agent())).not.toBe(undefined)
    expect(await one.find(later, agent())).not.toBe(undefined)
    pass(1000)
    expect(kidOf(await begin(one))).not.toBe(kidOf(token))
  })

  it('open nothing sealed for another resource', async () => {
    const keys = [secret()]
    const settings = sessionOptionsSchema.parse({ keys })
    const codec = sealedSessions(createKeyRing(settings, store, clock))
    const ended = createEndedSessions(settings, store, createRevocations(store, clock), clock)
    const elsewhere = createSessions({
      resource: 'https://other.example',
      settings,
      codec,
      ended,
      store,
      clock,
    })
    expect(await desk({ keys }).find(await begin(elsewhere), agent())).toBe(undefined)
  })

  it('say when a session is too long for a token', async () => {
    await expect(begin(desk(), agent(), 'x'.repeat(5000))).rejects.toThrow(TypeError)
  })

  it('have to be 256 bits', () => {
    expect(sessionOptionsSchema.safeParse({ keys: ['short'] }).success).toBe(false)
  })
})

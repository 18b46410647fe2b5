import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Agent, originOf, type Person, sealCaller } from '../caller.js'
import { createDenials } from '../denial/denials.js'
import { refuse } from '../errors.js'
import type { PendingRecord } from '../pending/record.js'
import { createRevocations } from '../revocation/revocations.js'
import { createMemoryStore, type MemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { createBegunWith } from './begun-with.js'
import { sealedSessions, storedSessions } from './codec.js'
import { createEndedSessions } from './ended.js'
import { sessionOptionsSchema } from './options.js'
import { createSealingKeys } from './sealing-keys.js'
import { createSessions, type SessionService } from './sessions.js'

let now: number
let store: Store
/** An issuer that the operator's rules do not admit. */
let refused: string | undefined
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
  ({
    jkt: caller.jkt,
    origins: [originOf(caller)],
    session: { scope: ['data.read'] },
  }) as unknown as PendingRecord

const desk = (options: object = {}, time = clock, resource = 'https://rs.example'): SessionService => {
  const settings = sessionOptionsSchema.parse({ renewAfter: 100, grace: 10, ...options })
  const codec =
    settings.keep === 'store'
      ? storedSessions(store, time)
      : sealedSessions(createSealingKeys(settings, store, time))
  const stops = {
    revocations: createRevocations(store, time),
    denials: createDenials(store, time, () => {}),
    issuers: { refused: (issuer: string) => (issuer === refused ? refuse('access_denied') : undefined) },
    unlinks: { hasEnded: async () => false },
  }
  const begunWith = createBegunWith({ resource, store, clock: time, revocations: stops.revocations })
  const ended = createEndedSessions({ resource, longest: settings.maxAge, store, stops, begunWith })
  return createSessions({ resource, settings, codec, ended, store, report: () => {}, clock: time })
}
/** What somebody has just approved. */
const approve = async (sessions: SessionService, caller: Agent | Person, data?: unknown) => ({
  user: 'mom',
  data,
  at: now,
  marks: await sessions.marks({ jkt: caller.jkt, user: 'mom' }),
})
const begin = async (sessions: SessionService, caller: Agent | Person = agent(), data?: unknown) => {
  const answer = await sessions.begin(recordOf(caller), await approve(sessions, caller, data))
  return answer.headers['AAuth-Access'] as string
}
const pass = (seconds: number): void => {
  now += seconds * 1000
}
beforeEach(() => {
  now = 1_800_000_000_000
  store = createMemoryStore({ clock })
  refused = undefined
})

/** What is in the store after everything that is over has gone. */
const kept = (): number => {
  const memory = store as MemoryStore
  memory.put('sweeps', '1', 1)
  memory.delete('sweeps')
  return memory.size
}

describe('what sessions leave in the store', () => {
  it('is one successor for each round, however many requests there are within the grace', async () => {
    const sessions = desk({ keep: 'store' })
    const token = await begin(sessions)
    const before = kept()
    pass(100)
    const renewed = new Set<string>()
    const found = await Promise.all(Array.from({ length: 50 }, () => sessions.find(token, agent())))
    for (const one of found) renewed.add((await one?.renew?.()) as string)
    pass(5)
    for (let index = 0; index < 50; index++)
      renewed.add((await (await sessions.find(token, agent()))?.renew?.()) as string)
    expect(renewed.size).toBe(1)
    // The old one, its successor, and that it was replaced.
    expect(kept()).toBe(before + 2)
    pass(100)
    expect(kept()).toBe(before + 1)
    expect((await sessions.find([...renewed][0] as string, agent()))?.connected.user).toBe('mom')
  })

  it('does not say by itself what the next token is', async () => {
    const sessions = desk({ keep: 'store' })
    const written: string[] = []
    const { claim, put } = store
    Object.assign(store, {
      claim: (...args: Parameters<typeof claim>) =>
        written.push(args.join(' ')) > 0 && claim.apply(store, args),
      put: (...args: Parameters<typeof put>) => written.push(args.join(' ')) > 0 && put.apply(store, args),
    })
    const token = await begin(sessions)
    pass(100)
    const renewed = (await (await sessions.find(token, agent()))?.renew?.()) as string
    expect(written.join('\n')).not.toContain(renewed)
    expect(written.join('\n')).not.toContain(token)
  })

  it('is nothing when a stranger revokes what nothing was begun with', async () => {
    const sessions = desk()
    const before = kept()
    for (let index = 0; index < 100; index++)
      await sessions.endBegunWith({ iss: 'https://evil.example', jti: String(index) })
    expect(kept()).toBe(before)
  })

  it('is no longer than the request that waits, when a stranger revokes what one was begun with', async () => {
    const sessions = desk()
    const before = kept()
    await sessions.waitsWith(person.token, now + 600_000)
    await sessions.endBegunWith(person.token)
    expect(kept()).toBe(before + 2)
    pass(700)
    expect(kept()).toBe(before)
  })

  it('lasts as long as the session that was begun with a token does', async () => {
    const sessions = desk()
    const token = await begin(sessions, person)
    await sessions.endBegunWith(person.token)
    for (let day = 0; day < 6; day++) {
      pass(86_400)
      expect(await sessions.find(token, agent())).toBe(undefined)
    }
    pass(25 * 86_400)
    expect(kept()).toBe(0)
  })

  it('keeps a session from beginning with a token that has been revoked and forgotten since', async () => {
    const sessions = desk()
    await sessions.waitsWith(person.token, now + 600_000)
    await sessions.endBegunWith(person.token)
    pass(599)
    const token = await begin(sessions, person)
    expect(await sessions.find(token, agent())).toBe(undefined)
    pass(86_400)
    expect(await sessions.find(token, agent())).toBe(undefined)
  })
})

describe('a session of several tokens, and a revocation', () => {
  const both = { ...recordOf(person), origins: [originOf(person), originOf(agent())] }
  const one = async (sessions: SessionService): Promise<string> =>
    (await sessions.begin(both, await approve(sessions, agent()))).headers['AAuth-Access'] as string

  it.each([
    ['person', person.token],
    ['agent', agent().token],
  ])('of the %s token ends it for good', async (_, token) => {
    const sessions = desk()
    const session = await one(sessions)
    expect(await sessions.find(session, agent())).not.toBe(undefined)
    await sessions.endBegunWith(token)
    for (const days of [0, 6]) {
      pass(days * 86_400)
      expect(await sessions.find(session, agent())).toBe(undefined)
    }
  })

  it('that found nothing begun ends what begins a moment later, for good', async () => {
    const sessions = desk()
    await createRevocations(store, clock).record({ ...person.token, exp: now / 1000 + 60 })
    await sessions.endBegunWith(person.token)
    const session = await one(sessions)
    for (const days of [0, 5]) {
      pass(days * 86_400)
      expect(await sessions.find(session, agent())).toBe(undefined)
    }
  })
})

describe.each(['token', 'store'])('a session kept in the %s', (keep) => {
  it.each([
    undefined,
    null,
    'mom',
    {},
    { user: undefined },
    { user: '' },
    { user: 'mom', jkt: 'key-1' },
    { name: 'mom' },
  ])('is not ended by naming nobody: %j', async (selection) => {
    await expect(desk().end(selection as never)).rejects.toThrow('sessions.end: must name one user')
  })

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

  it('ends when it was approved before the end and is fetched after it, by whatever clock', async () => {
    const sessions = desk({ keep })
    for (const select of [{ user: 'mom' }, { jkt: 'key-1' }]) {
      const approval = await approve(sessions, agent())
      // The instance that ends it is behind the one that approved it.
      now -= 9000
      await sessions.end(select)
      expect(await sessions.endedSince({ jkt: 'key-1', user: 'mom' }, approval.marks)).toBe(true)
      now += 60_000
      const late = await sessions.begin(recordOf(agent()), approval)
      expect(await sessions.find(late.headers['AAuth-Access'] as string, agent())).toBe(undefined)
      expect(await sessions.find(await begin(sessions), agent())).not.toBe(undefined)
    }
  })

  it('is counted from its approval, however late it is fetched', async () => {
    const sessions = desk({ keep, maxAge: 1000 })
    const approval = await approve(sessions, agent())
    pass(600)
    const answer = await sessions.begin(recordOf(agent()), approval)
    const token = answer.headers['AAuth-Access'] as string
    pass(399)
    expect(await sessions.find(token, agent())).not.toBe(undefined)
    pass(1)
    expect(await sessions.find(token, agent())).toBe(undefined)
  })

  it('ends for a person of the same name at this resource only', async () => {
    const sessions = desk({ keep })
    const token = await begin(sessions)
    await desk({ keep }, clock, 'https://other.example').end({ user: 'mom' })
    expect(await sessions.find(token, agent())).not.toBe(undefined)
  })

  it('is stopped with whom it was begun for, though it is used with another token', async () => {
    const sessions = desk({ keep })
    const denials = createDenials(store, clock, () => {})
    const begun = [
      [person, { person: { ps: 'https://ps.example', sub: 'mom' } }],
      [person, { token: { iss: 'https://ps.example', jti: 'pt' } }],
      [person, { issuer: 'https://ps.example' }],
      [person, { key: `key-1${'x'.repeat(38)}` }],
      [agent(), { agent: 'aauth:sam@ap.example' }],
      [agent(), { issuer: 'https://ap.example' }],
    ] as const
    for (const [caller, subject] of begun) {
      const other = caller.kind === 'agent' ? person : agent()
      const named = 'key' in subject ? { ...caller, jkt: subject.key } : caller
      const using = 'key' in subject ? { ...other, jkt: subject.key } : other
      const token = await begin(sessions, named)
      expect(await sessions.find(token, using)).not.toBe(undefined)
      await denials.add({ subject })
      expect(await sessions.find(token, using)).toBe(undefined)
      await denials.remove(subject)
      expect(await sessions.find(token, using)).not.toBe(undefined)
    }
    const token = await begin(sessions, person)
    refused = 'https://ps.example'
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
    const elsewhere = desk({ keys }, clock, 'https://other.example')
    expect(await desk({ keys }).find(await begin(elsewhere), agent())).toBe(undefined)
  })

  it('are found by instances whose clocks are apart, on either side of a turn', async () => {
    const lifetime = 1000
    const [ahead, behind] = [desk({ lifetime }, () => now + 9000), desk({ lifetime })]
    now = 1_800_000_000_000 - 5000
    const turned = await begin(ahead)
    expect(await behind.find(turned, agent())).not.toBe(undefined)
    const last = await begin(behind)
    now += 990_000
    expect(await ahead.find(last, agent())).not.toBe(undefined)
  })

  it('say when a session is too long for a token', async () => {
    await expect(begin(desk(), agent(), 'x'.repeat(5000))).rejects.toThrow(TypeError)
  })

  it('have to be 256 bits', () => {
    expect(sessionOptionsSchema.safeParse({ keys: ['short'] }).success).toBe(false)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import type { Agent, Grant, Person, TokenCaller } from '../caller.js'
import type { StateEvent, UntimedEvent } from '../events.js'
import { instanceSkew } from '../limits.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import type { DenialSubject } from './denial.js'
import { createDenials } from './denials.js'

const now = 1_800_000_000
let time = now
const clock = (): number => time * 1000
let store: Store
const events: UntimedEvent<StateEvent>[] = []
/** Another instance over the same store. */
const instance = (over: Store = store) => createDenials(over, clock, (event) => void events.push(event))
beforeEach(() => {
  time = now
  store = createMemoryStore({ clock })
  events.length = 0
})

const jkt = 'k'.repeat(43)
const token = { iss: 'https://ps.example', jti: 'token-1', iat: now, exp: now + 600 }
const agent: Agent = {
  kind: 'agent',
  agent: 'aauth:sam@ap.example',
  provider: 'https://ap.example',
  parentAgent: 'aauth:boss@ap.example',
  jkt,
  token: { ...token, iss: 'https://ap.example' },
}
const mom = { ps: 'https://ps.example', sub: 'mom' }
const person: Person = { kind: 'person', person: mom, jkt, token }
const grant: Grant = {
  kind: 'grant',
  person: mom,
  scope: [],
  claims: {},
  jkt,
  token: { ...token, iss: 'https://as.example' },
}

describe('who is denied', () => {
  const cases: readonly (readonly [string, DenialSubject, readonly TokenCaller[], readonly TokenCaller[]])[] =
    [
      ['issuer', { issuer: 'https://ps.example' }, [person, grant], [agent]],
      ['issuer', { issuer: 'https://as.example' }, [grant], [agent, person]],
      ['issuer', { issuer: 'https://ap.example' }, [agent], [person, grant]],
      ['person', { person: mom }, [person, grant], [agent]],
      ['person', { person: { ...mom, sub: 'mo' } }, [], [agent, person, grant]],
      ['person', { person: { ps: 'https://two.example', sub: 'mom' } }, [], [person, grant]],
      ['agent', { agent: 'aauth:sam@ap.example' }, [agent], [person, grant]],
      ['agent', { agent: 'aauth:boss@ap.example' }, [agent], [person, grant]],
      ['key', { key: jkt }, [agent, person, grant], []],
      ['token', { token: { iss: 'https://ps.example', jti: 'token-1' } }, [person], [agent, grant]],
    ]
  it.each(cases)('by %s: %o', async (kind, subject, denied, free) => {
    const [one, two] = [instance(), instance()]
    for (const caller of [...denied, ...free]) expect(await two.find(caller)).toBe(undefined)
    await one.add({ subject })
    for (const caller of denied) expect(await two.find(caller)).toBe(kind)
    for (const caller of free) expect(await two.find(caller)).toBe(undefined)
    await one.remove(subject)
    for (const caller of denied) expect(await two.find(caller)).toBe(undefined)
  })

  it('is told by another instance at the very next request, however often it asked before', async () => {
    const [one, two] = [instance(), instance()]
    await one.add({ subject: { issuer: 'https://other.example' } })
    for (let index = 0; index < 3; index++) expect(await two.find(grant)).toBe(undefined)
    await one.add({ subject: { person: mom } })
    expect(await two.find(grant)).toBe('person')
  })

  it('frees nobody who bears the same name: an issuer gave two persons tokens of one jti', async () => {
    const denials = instance()
    const dad: Person = { ...person, person: { ...mom, sub: 'dad' } }
    await denials.add({ subject: { person: dad.person } })
    for (let index = 0; index < 2; index++) {
      expect(await denials.find(person)).toBe(undefined)
      expect(await denials.find(dad)).toBe('person')
    }
  })

  it('ends by itself', async () => {
    await instance().add({ subject: { key: jkt }, seconds: 60 })
    time += 60 + instanceSkew - 1
    expect(await instance().find(agent)).toBe('key')
    expect(await instance().list()).toHaveLength(1)
    time += 1
    expect(await instance().find(agent)).toBe(undefined)
    expect(await instance().list()).toEqual([])
  })

  it('is denied until the latest end that was said since it was let go, by whichever instance', async () => {
    const [one, two] = [instance(), instance()]
    const subject = { key: jkt }
    const find = async () => [await one.find(agent), await two.find(agent)]
    for (let round = 0; round < 5; round++) {
      for (const seconds of [60, 3600, 60, 3 * 86_400, 2 * 86_400, 60]) await one.add({ subject, seconds })
      const listed = await two.list()
      expect(listed).toMatchObject([{ subject, until: time + 3 * 86_400 }])
      for (const after of [3599, 86_400, 86_400]) {
        time += after
        expect([await find(), await two.list()]).toEqual([['key', 'key'], listed])
      }
      time += 86_401 - 3600 + instanceSkew
      expect([await find(), await two.list()]).toEqual([[undefined, undefined], []])
      await two.add({ subject, seconds: 60 })
      expect(await find()).toEqual(['key', 'key'])
      await one.remove(subject)
      await two.remove(subject)
      expect(await find()).toEqual([undefined, undefined])
    }
  })

  it('answers without a promise over a store that does', async () => {
    expect(instance().find(grant)).toBe(undefined)
    await instance().add({ subject: { key: jkt } })
    expect(instance().find(grant)).toBe('key')
  })
})

describe('what it costs', () => {
  const counting = () => {
    const reads: string[] = []
    const counted: Store = {
      ...bound(store),
      get(key) {
        reads.push(key)
        return store.get(key)
      },
    }
    return { reads, denials: instance(counted) }
  }

  it('is one read while nobody is denied', async () => {
    const { reads, denials } = counting()
    for (let index = 0; index < 3; index++) await denials.find(grant)
    expect(reads).toEqual(['deny:mark', 'deny:mark', 'deny:mark'])
  })

  it('is one read at the second sight of a token, until something changes', async () => {
    const { reads, denials } = counting()
    await instance().add({ subject: { issuer: 'https://other.example' } })
    await denials.find(grant)
    // Five subjects, each for a day and for longer.
    expect(reads.splice(0)).toHaveLength(11)
    await denials.find(grant)
    expect(reads.splice(0)).toEqual(['deny:mark'])
    await instance().remove({ issuer: 'https://other.example' })
    await denials.find(grant)
    // Five subjects, each for a day and for longer.
    expect(reads.splice(0)).toHaveLength(11)
  })

  it('is one read more for each subject of the caller of whom something was said', async () => {
    const { reads, denials } = counting()
    for (let count = 0; count < 20; count++) {
      await instance().add({ subject: { key: jkt } })
      await instance().remove({ key: jkt })
    }
    expect(await denials.find(grant)).toBe(undefined)
    expect(reads.splice(0)).toHaveLength(1 + 10 + 2)
    await denials.find(grant)
    expect(reads.splice(0)).toEqual(['deny:mark'])
  })
})

describe('the list', () => {
  it('says who is denied, why, by whom and for how long', async () => {
    const subject = { person: mom }
    await instance().add({ subject, reason: 'stolen phone', by: 'night watch', seconds: 3600 })
    const [entry, ...others] = await instance().list()
    expect(others).toEqual([])
    expect(entry).toEqual({
      id: expect.stringMatching(/^[\w-]{43}$/),
      subject,
      reason: 'stolen phone',
      by: 'night watch',
      since: now,
      until: now + 3600,
    })
  })

  it('has a subject once, as it was denied last', async () => {
    await instance().add({ subject: { key: jkt }, reason: 'first' })
    time += 5
    await instance().add({ subject: { key: jkt }, reason: 'second' })
    expect(await instance().list()).toMatchObject([{ reason: 'second', since: now + 5 }])
  })

  it('loses none of many written at once, and forgets what was taken back', async () => {
    const subjects = Array.from({ length: 200 }, (_, index) => ({ agent: `aauth:a${index}@ap.example` }))
    await Promise.all(subjects.map((subject) => instance().add({ subject })))
    expect(await instance().list()).toHaveLength(200)
    await Promise.all(subjects.slice(1).map((subject) => instance().remove(subject)))
    expect((await instance().list()).map(({ subject }) => subject)).toEqual([subjects[0]])
  })

  it('has an end, and says so', async () => {
    const subjects = Array.from({ length: 1024 }, (_, index) => ({ agent: `aauth:a${index}@ap.example` }))
    for (const subject of subjects) await instance().add({ subject })
    await expect(instance().add({ subject: { key: jkt } })).rejects.toThrow(RangeError)
  })
})

describe('the audit record', () => {
  it('has every change and names no person', async () => {
    await instance().add({ subject: { person: mom }, reason: 'stolen phone', by: 'night watch', seconds: 60 })
    await instance().remove({ person: mom }, { by: 'day watch' })
    expect(events).toEqual([
      {
        name: 'denial-added',
        kind: 'person',
        id: expect.any(String),
        until: now + 60,
        reason: 'stolen phone',
        by: 'night watch',
      },
      { name: 'denial-removed', kind: 'person', id: expect.any(String), by: 'day watch' },
    ])
    expect(JSON.stringify(events)).not.toContain('mom')
  })
})

describe('a denial that is malformed', () => {
  it.each([
    [{ subject: { issuer: 'ps.example' } }, /issuer/],
    [{ subject: { agent: 'sam' } }, /agent/],
    [{ subject: { key: 'short' } }, /thumbprint/],
    [{ subject: { person: { ps: 'https://ps.example', sub: '' } } }, /person/],
    [{ subject: { token: { iss: 'https://ps.example' } } }, /token/],
    [{ subject: {} }, /exactly one of/],
    [{ subject: { key: jkt, agent: 'aauth:sam@ap.example' } }, /exactly one of/],
    [{ subject: { key: jkt }, seconds: 0 }, /seconds/],
    [{ subject: { key: jkt }, seconds: 401 * 86_400 }, /seconds/],
    [{ subject: { key: jkt }, reason: 'x'.repeat(501) }, /reason/],
    [undefined, /denials\.add: subject is missing: \{ subject: \{ agent/],
    [null, /subject is missing/],
    [{}, /subject is missing/],
    [{ subject: undefined }, /subject is missing/],
    [{ agent: 'aauth:sam@ap.example' }, /subject is missing, around what was given/],
    [{ subject: 'aauth:sam@ap.example' }, /exactly one of/],
    [{ subject: null }, /exactly one of/],
    [{ subject: { agnet: 'aauth:sam@ap.example' } }, /agnet: is not known; did you mean agent\?/],
    [{ subject: { toString: 'x' } }, /toString: is not known/],
    [{ subject: { agent: undefined } }, /subject\.agent: must be aauth/],
    [{ subject: { person: null } }, /person: must be \{ ps, sub \}/],
    [{ subject: { token: { iss: 'https://ps.example', jti: 7 } } }, /token\.jti: must be a text/],
    [{ subject: { person: { ps: 'https://ps.example', sub: 'mom', tenant: 'x' } } }, /tenant: is not known/],
    [{ subject: { key: jkt }, secnds: 60 }, /secnds: is not known; did you mean seconds\?/],
    [{ subject: { key: jkt }, by: 7 }, /by: must be a text/],
  ])('%o', async (denial, message) => {
    const failure = await instance()
      .add(denial as never)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
    expect((failure as Error).message).toMatch(message)
    expect(events).toEqual([])
  })

  it.each([
    [undefined, undefined, /denials\.remove: the subject must have exactly one of/],
    [{}, undefined, /exactly one of/],
    [{ subject: { key: jkt } }, undefined, /subject: is not known/],
    [{ key: 'short' }, undefined, /thumbprint/],
    [{ key: jkt }, { reson: 'mended' }, /reson: is not known; did you mean reason\?/],
    [{ key: jkt }, null, /denials\.remove/],
  ])('remove(%o, %o)', async (subject, why, message) => {
    const failure = await instance()
      .remove(subject as never, why as never)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
    expect((failure as Error).message).toMatch(message)
    expect(events).toEqual([])
  })

  it('takes what a form did not have for left out', async () => {
    await instance().add({ subject: { key: jkt }, reason: undefined, by: undefined } as never)
    expect(await instance().find(agent)).toBe('key')
  })
})

function bound(over: Store): Store {
  return {
    get: (key) => over.get(key),
    put: (key, value, ttl) => over.put(key, value, ttl),
    claim: (key, value, ttl) => over.claim(key, value, ttl),
    delete: (key) => over.delete(key),
  }
}

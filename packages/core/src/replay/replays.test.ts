import { describe, expect, it } from 'vitest'
import { allow, approval, deny, type Policy } from '../access/policy.js'
import type { Requirement } from '../access/requirement.js'
import type { Awaitable } from '../awaitable.js'
import type { HttpRequest } from '../http/message.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { now, signed, token } from '../testing/party.js'
import { resendingStore } from '../testing/resending-store.js'
import { inShort, testResource } from '../testing/resource.js'

type Server = ReturnType<typeof testResource>
const clock = (): number => now * 1000
const post = { method: 'POST', target: '/data', rawHeaders: ['Host', 'rs.example'] }
const request = async (typ: 'aa-agent+jwt' | 'aa-person+jwt' | 'aa-auth+jwt'): Promise<HttpRequest> =>
  signed(await token(typ), {}, post)
/** The same bytes again, over another connection. */
const again = (sent: HttpRequest): HttpRequest => ({ ...sent, rawHeaders: [...sent.rawHeaders] })
const check = async (server: Server, requirement: Requirement, sent: HttpRequest): Promise<string> =>
  inShort(await server.require(requirement).check(again(sent)))
const used = '401 invalid_signature'

describe('a signature that is accepted once', () => {
  it.each<[string, 'aa-agent+jwt' | 'aa-person+jwt' | 'aa-auth+jwt', Requirement, string]>([
    ['a challenge for a person token', 'aa-agent+jwt', 'person', '401 person-token'],
    ['a challenge for an auth token', 'aa-person+jwt', { scope: 'data.read' }, 'auth-token: data.read'],
    [
      'a challenge for more scopes',
      'aa-auth+jwt',
      { scope: 'data.write' },
      'auth-token: data.read data.write',
    ],
    ['a challenge for an agent token', 'aa-auth+jwt', 'agent', '401 agent-token'],
    [
      'a refusal by a policy',
      'aa-auth+jwt',
      { scope: 'data.read', policy: () => deny('closed') },
      '403 closed',
    ],
    [
      'a refusal by a binding',
      'aa-auth+jwt',
      { scope: 'data.read', person: () => undefined },
      '403 access_denied',
    ],
    [
      'a policy that fails',
      'aa-auth+jwt',
      { scope: 'data.read', policy: () => Promise.reject(new Error('no database')) },
      '500 server_error',
    ],
    [
      'a call about which nobody could be asked',
      'aa-auth+jwt',
      { scope: 'data.read', policy: () => approval({ ask: () => Promise.reject(new Error('no mail')) }) },
      '500 server_error',
    ],
  ])('is not used up by %s (R-073, G-71)', async (_name, typ, requirement, answer) => {
    const server = testResource({ replay: true })
    const sent = await request(typ)
    for (let i = 0; i < 3; i++) expect(await check(server, requirement, sent)).toBe(answer)
  })

  it('is used up when the request is served, whatever was answered before (R-073)', async () => {
    const verdicts = [deny('closed'), allow(), allow()]
    const policy: Policy = () => verdicts.shift() ?? allow()
    const server = testResource({ replay: true })
    const sent = await request('aa-auth+jwt')
    const requirement: Requirement = { scope: 'data.read', policy }
    expect(await check(server, requirement, sent)).toBe('403 closed')
    expect(await check(server, requirement, sent)).toBe('served')
    expect(await check(server, requirement, sent)).toBe(used)
  })

  it('is used up by a call that is put on hold, so that nobody is asked twice', async () => {
    let asked = 0
    const policy: Policy = () => approval({ ask: () => void asked++ })
    const server = testResource({ replay: true })
    const sent = await request('aa-auth+jwt')
    expect(await check(server, { scope: 'data.read', policy }, sent)).toBe('202 approval')
    expect(await check(server, { scope: 'data.read', policy }, sent)).toBe(used)
    expect(asked).toBe(1)
  })

  it('is used up by a call held for an auth token', async () => {
    const server = testResource({ replay: true })
    const sent = await request('aa-person+jwt')
    const held: Requirement = { scope: 'data.read', deliver: 'held' }
    expect(await check(server, held, sent)).toBe('auth-token: data.read')
    expect(await check(server, held, sent)).toBe(used)
  })

  it('serves one of many simultaneous requests', async () => {
    const server = testResource({ replay: true, store: slow() })
    const sent = await request('aa-auth+jwt')
    const policy: Policy = async () => allow()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => check(server, { scope: 'data.read', policy }, sent)),
    )
    expect(answers.filter((answer) => answer === 'served')).toHaveLength(1)
    expect(answers.filter((answer) => answer === used)).toHaveLength(19)
  })

  it('is used once for the guards of a router and its route, and given back when the second challenges', async () => {
    const server = testResource({ replay: true, store: slow() })
    const router = server.require('agent')
    const inBrief = async (sent: HttpRequest, requirement: Requirement): Promise<string[]> => [
      inShort(await router.check(sent)),
      inShort(await server.require(requirement).check({ ...sent })),
    ]
    const sent = await request('aa-agent+jwt')
    expect(await inBrief(again(sent), 'person')).toEqual(['served', '401 person-token'])
    expect(await inBrief(again(sent), 'agent')).toEqual(['served', 'served'])
    expect(await inBrief(again(sent), 'agent')).toEqual([used, used])
  })

  it('is accepted once after each giving back, whatever the client of the store sends again', async () => {
    const { store, writes } = resendingStore(clock)
    const server = testResource({ replay: true, store })
    const sent = await request('aa-agent+jwt')
    for (let times = 0; times < 3; times++) {
      const one = again(sent)
      expect(inShort(await server.require('agent').check(one))).toBe('served')
      expect(inShort(await server.require('person').check({ ...one }))).toBe('401 person-token')
      // An earlier giving back or use undoes no later one.
      for (const write of [...writes]) write()
    }
    expect(await check(server, 'agent', sent)).toBe('served')
    for (const write of [...writes]) {
      write()
      expect(await check(server, 'agent', sent)).toBe(used)
    }
  })

  it('stays used by another request when one with the same signature is challenged', async () => {
    const server = testResource({ replay: true })
    const sent = await request('aa-agent+jwt')
    expect(await check(server, 'agent', sent)).toBe('served')
    expect(await check(server, 'person', sent)).toBe('401 person-token')
    expect(await check(server, 'agent', sent)).toBe(used)
  })

  it('is reported in report-only mode, and used up when served', async () => {
    const server = testResource({ replay: true })
    const observe = async (sent: HttpRequest, requirement: Requirement): Promise<unknown> => {
      const outcome = await server.require(requirement).check(again(sent))
      return outcome.observed === null ? null : outcome.observed?.code
    }
    const agent = await request('aa-agent+jwt')
    const person = { identity: 'person', observe: true } as const
    expect([await observe(agent, person), await observe(agent, person)]).toEqual([
      'person-token',
      'person-token',
    ])
    const served = { identity: 'agent', observe: true } as const
    expect([await observe(agent, served), await observe(agent, served)]).toEqual([null, 'invalid_signature'])
  })

  it('is not claimed for a challenge', async () => {
    const store: Store = { ...slow(), claim: () => Promise.reject(new Error('read only')) }
    const server = testResource({ replay: true, store })
    expect(await check(server, 'person', await request('aa-agent+jwt'))).toBe('401 person-token')
    expect(await check(server, 'agent', await request('aa-agent+jwt'))).toBe('503 store_unavailable')
  })
})

/** A store over a network: each answer is a promise. */
function slow(): Store {
  const memory = createMemoryStore({ clock })
  const later = async <T>(answer: Awaitable<T>): Promise<T> => answer
  return {
    get: (key) => later(memory.get(key)),
    put: (key, value, ttl) => later(memory.put(key, value, ttl)),
    claim: (key, value, ttl) => later(memory.claim(key, value, ttl)),
    delete: (key) => later(memory.delete(key)),
  }
}

describe('two instances whose clocks are ten seconds apart', () => {
  it('accept a signature once, as long as either accepts it at all', async () => {
    let ms = now * 1000
    const store = createMemoryStore({ clock: () => ms })
    const one = testResource({ store, replay: true, clock: () => ms })
    const behind = testResource({ store, replay: true, clock: () => ms - 10_000 })
    const sent = await request('aa-agent+jwt')
    expect(await check(one, 'agent', sent)).toBe('served')
    // The window is 60 seconds, judged in whole seconds.
    for (const passed of [60_000, 70_000, 70_999]) {
      ms = now * 1000 + passed
      expect(await check(behind, 'agent', sent)).toBe(used)
    }
    const later = testResource({ replay: true, clock: () => ms - 10_000 })
    expect(await check(later, 'agent', sent)).toBe('served')
  })
})

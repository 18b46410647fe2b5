import { beforeEach, describe, expect, it } from 'vitest'
import { type Agent, originOf, type Person, sealCaller } from '../caller.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { resendingStore } from '../testing/resending-store.js'
import { Deadlines } from '../time/deadline.js'
import type { LinkedPerson } from './options.js'
import { createUnlinks, type Unlinks } from './unlinks.js'

let now: number
let store: Store
let asked: unknown[]
beforeEach(() => {
  now = 1_800_000_000_000
  store = createMemoryStore({ clock: () => now })
  asked = []
})

const deadlines = new Deadlines(2000, () => {})
const subjects = { hashOf: () => 'hash' }
const users = {
  find: () => undefined,
  link: () => undefined,
  unlink: (who: LinkedPerson) => asked.push(who),
}
const unlinksOf = (resource = 'https://rs.example', given: typeof users | undefined = users): Unlinks =>
  createUnlinks({ resource, users: given, store, longest: 100, subjects, deadlines, report: () => {} })
const token = { iss: 'https://ps.example', jti: 'a', iat: 0, exp: 0 }
const personOf = (sub: string, ps = 'https://ps.example'): Person =>
  sealCaller({ kind: 'person', person: { ps, sub }, jkt: 'k', token })
const mom = { person: { ps: 'https://ps.example', sub: 'mom' } }

describe('an unlinking', () => {
  it('ends what was begun before, and nothing that is begun after', async () => {
    const unlinks = unlinksOf()
    const before = await unlinks.mark(originOf(personOf('mom')))
    expect(await unlinks.hasEnded(before)).toBe(false)
    await unlinks.unlink({ ...mom, tenant: 'school' })
    expect(asked).toEqual([{ ...mom, tenant: 'school' }])
    const after = await unlinks.mark(originOf(personOf('mom')))
    expect([await unlinks.hasEnded(before), await unlinks.hasEnded(after)]).toEqual([true, false])
    await unlinks.unlink(mom)
    expect([await unlinks.hasEnded(before), await unlinks.hasEnded(after)]).toEqual([true, true])
  })

  it('takes back no later one, where the client of a store sends it once more', async () => {
    const resending = resendingStore(() => now)
    store = resending.store
    const unlinks = unlinksOf()
    await unlinks.unlink(mom)
    const earlier = [...resending.writes]
    const between = await unlinks.mark(originOf(personOf('mom')))
    await unlinks.unlink(mom)
    for (const write of earlier) {
      write()
      expect(await unlinks.hasEnded(between)).toBe(true)
    }
    const after = await unlinks.mark(originOf(personOf('mom')))
    for (const write of [...resending.writes]) write()
    expect([await unlinks.hasEnded(between), await unlinks.hasEnded(after)]).toEqual([true, false])
  })

  it('is of one person, at one server, for one resource', async () => {
    const unlinks = unlinksOf()
    const [dad, elsewhere] = await Promise.all(
      [personOf('dad'), personOf('mom', 'https://other.example')].map((who) => unlinks.mark(originOf(who))),
    )
    const there = unlinksOf('https://other-rs.example')
    const atOther = await there.mark(originOf(personOf('mom')))
    await unlinks.unlink(mom)
    for (const origin of [dad, elsewhere]) expect(await unlinks.hasEnded(origin as never)).toBe(false)
    expect(await there.hasEnded(atOther)).toBe(false)
  })

  it('is remembered for as long as anything lasts that was begun before, and an older one ends nothing new', async () => {
    const unlinks = unlinksOf()
    const before = await unlinks.mark(originOf(personOf('mom')))
    await unlinks.unlink(mom)
    const between = await unlinks.mark(originOf(personOf('mom')))
    now += 100_000
    expect(await unlinks.hasEnded(before)).toBe(true)
    now += 3_600_000
    expect(await unlinks.hasEnded(between)).toBe(false)
  })

  it('ends nothing of which nobody knows whose it was', async () => {
    const unlinks = unlinksOf()
    const agent: Agent = {
      kind: 'agent',
      agent: 'aauth:sam@ap.example',
      provider: 'https://ap.example',
      jkt: 'k',
      token,
    }
    const marked = await unlinks.mark(originOf(agent))
    expect(marked).toEqual(originOf(agent))
    // As it was stored before the application had users.
    const old = originOf(personOf('mom'))
    await unlinks.unlink(mom)
    expect([await unlinks.hasEnded(marked), await unlinks.hasEnded(old)]).toEqual([false, false])
  })

  it('ends what was begun even when the application could not forget', async () => {
    const failing = { ...users, unlink: () => Promise.reject(new Error('away')) }
    const unlinks = unlinksOf('https://rs.example', failing as never)
    const before = await unlinks.mark(originOf(personOf('mom')))
    await expect(unlinks.unlink(mom)).rejects.toThrow('away')
    expect(await unlinks.hasEnded(before)).toBe(true)
  })

  it('ends what is begun before the application has forgotten, too', async () => {
    const begun: Awaited<ReturnType<Unlinks['mark']>>[] = []
    const slow = {
      ...users,
      unlink: async () => {
        // A page that links them at this moment finds that it has ended.
        expect(await unlinks.hasEnded(before)).toBe(true)
        begun.push(await unlinks.mark(originOf(personOf('mom'))))
      },
    }
    const unlinks = unlinksOf('https://rs.example', slow as never)
    const before = await unlinks.mark(originOf(personOf('mom')))
    await unlinks.unlink(mom)
    expect(await Promise.all(begun.map((origin) => unlinks.hasEnded(origin)))).toEqual([true])
  })

  it('needs users', async () => {
    const without = createUnlinks({
      resource: 'https://rs.example',
      users: undefined,
      store,
      longest: 100,
      subjects,
      deadlines,
      report: () => {},
    })
    await expect(without.unlink(mom)).rejects.toThrow('option users')
    const origin = originOf(personOf('mom'))
    expect(await without.mark(origin)).toBe(origin)
  })
})

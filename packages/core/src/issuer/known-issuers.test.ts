import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'
import { KnownIssuers } from './known-issuers.js'

const day = 86_400_000
const now = 20_000 * day + 5
/** When they came to be known, in these tests, where it is of no consequence. */
const before = now - 6 * day
const minute = 60_000
const key = publicJwk('k1')

/** A list that another instance, or an earlier one, reads from the text of this one. */
function reread(list: KnownIssuers, at = now): KnownIssuers {
  const other = new KnownIssuers()
  other.merge(list.text(), at)
  return other
}

describe('the list of known issuers', () => {
  it('tells who is on it, whoever wrote it', () => {
    const list = new KnownIssuers()
    list.note('https://ps.example', now, before)
    list.note('https://ap.example', now, before)
    expect(reread(list).text()).toBe(list.text())
    const issuers = [
      'https://ps.example',
      'https://ap.example',
      'https://ps.example.',
      'https://other.example',
    ]
    expect(issuers.map((issuer) => reread(list).has(issuer))).toEqual([true, true, false, false])
  })

  it('adds up what instances have written, and forgets nothing that was noted while it was read', () => {
    const [one, other] = [new KnownIssuers(), new KnownIssuers()]
    one.note('https://a.example', now, before)
    other.note('https://b.example', now, before)
    other.merge(one.text(), now)
    expect(['a', 'b'].map((name) => reread(other).has(`https://${name}.example`))).toEqual([true, true])
    one.merge(other.text(), now)
    expect(one.text()).toBe(other.text())
  })

  it('has nobody on it of whom no token has verified for more than a week', () => {
    const list = new KnownIssuers()
    list.note('https://gone.example', now - 5 * day, before)
    list.note('https://here.example', now - 5 * day, before)
    list.note('https://here.example', now, before)
    const later = reread(list, now + 3 * day)
    expect(['gone', 'here'].map((name) => later.has(`https://${name}.example`))).toEqual([false, true])
    list.merge('', now + 3 * day)
    expect(list.size).toBe(1)
  })

  it('believes no day that is still to come', () => {
    const list = new KnownIssuers()
    list.note('https://ps.example', now + 1000 * day, before)
    expect(reread(reread(list), now + 8 * day).size).toBe(0)
  })

  it('keeps whoever was there first when it is full, and gives a site no more than its part', () => {
    const list = new KnownIssuers(640)
    list.note('https://honest.example', now, before)
    for (let i = 0; i < 1000; i++) list.note(`https://i${i}.evil.example`, now, before)
    expect(list.size).toBe(11)
    for (let i = 0; i < 1000; i++) list.note(`https://i.evil-${i}.example`, now, before)
    expect(list.size).toBe(640)
    list.merge(list.text(), now + day)
    expect(list.has('https://honest.example')).toBe(true)
    expect(list.has('https://late.example')).toBe(false)
  })

  it('takes no more text than a store holds in one value, when it is full', () => {
    const list = new KnownIssuers()
    for (let i = 0; i < 5000; i++) list.note(`https://${'x'.repeat(60)}.domain-${i}.example`, now, before)
    expect(list.size).toBe(4096)
    expect(list.text().length).toBeLessThan(132_000)
    expect(reread(list).size).toBe(4096)
  })

  it.each([
    ['nothing', ''],
    ['JSON', '[{"issuer":"https://ps.example"}]'],
    ['lines of another length', 'abc def 20000 1\nabcdefghijk abcdef 20000000 1\nabcdefghijk abcdef -1 1'],
    ['lines without a time', 'abcdefghijk abcdef 20000\nabcdefghijk abcdef 20000 1234567890'],
    ['more than there can be', 'abcdefghijk abcdef 20000 1\n'.repeat(100_000)],
  ])('reads nothing from %s', (_what, text) => {
    const list = new KnownIssuers()
    list.note('https://ps.example', now, before)
    list.merge(text, now)
    expect(list.size).toBe(1)
    expect(list.has('https://ps.example')).toBe(true)
  })
})

describe('an issuer that an operator has had forgotten', () => {
  const issuer = 'https://ps.example'
  /** Two instances that both know the issuer, of which the first has just struck it. */
  const struck = () => {
    const [one, other] = [new KnownIssuers(), new KnownIssuers()]
    one.note(issuer, now, before)
    other.merge(one.text(), now)
    other.note(issuer, now, before)
    other.note('https://b.example', now, before)
    one.strike(issuer, now)
    return { one, other }
  }

  it('is on no list any more, whichever instance writes next, and whatever it knew', () => {
    const { one, other } = struck()
    expect(one.has(issuer)).toBe(false)
    // One that had read before, and writes after.
    one.merge(other.text(), now)
    expect([one.has(issuer), one.has('https://b.example')]).toEqual([false, true])
    expect(reread(one).has(issuer)).toBe(false)
    other.merge(one.text(), now)
    expect([other.has(issuer), other.has('https://b.example')]).toEqual([false, true])
    // What verifies there rests on what it has known since before.
    other.note(issuer, now + minute, before)
    expect(other.has(issuer)).toBe(false)
    expect(reread(reread(other)).has(issuer)).toBe(false)
  })

  it('is written alike by all instances that know the same, so that none rewrites another', () => {
    const { one, other } = struck()
    one.strike('https://c.example', now)
    other.strike('https://d.example', now)
    other.strike('https://e.example', now - minute)
    other.merge(one.text(), now)
    one.merge(other.text(), now)
    other.merge(one.text(), now)
    expect(other.text()).toBe(one.text())
  })

  it('is listed again, everywhere, once an instance came to know it after that', () => {
    const { one, other } = struck()
    one.note(issuer, now + 11 * minute, now + minute)
    expect(one.has(issuer)).toBe(true)
    other.merge(one.text(), now + 12 * minute)
    expect(other.has(issuer)).toBe(true)
    one.merge(other.text(), now + 13 * minute)
    expect(one.text()).toBe(other.text())
    expect(one.text()).not.toContain(' - ')
  })

  it('is not brought back by whoever had it listed longer ago than it was struck', () => {
    const { one } = struck()
    const late = new KnownIssuers()
    late.note(issuer, now + minute, now - 1000)
    one.merge(late.text(), now + minute)
    late.merge(one.text(), now + minute)
    expect([one.has(issuer), late.has(issuer)]).toEqual([false, false])
  })

  it('is not brought back by whoever had it listed by a clock that was ahead', () => {
    const ahead = new KnownIssuers()
    ahead.note(issuer, now + 30 * day, now + 30 * day - 20 * minute)
    const list = reread(ahead)
    expect(list.has(issuer)).toBe(true)
    list.strike(issuer, now)
    // What it finds in the store is still what was written there.
    list.merge(ahead.text(), now)
    expect(list.has(issuer)).toBe(false)
    list.merge(ahead.text(), now + day)
    expect([list.has(issuer), reread(list, now + day).has(issuer)]).toEqual([false, false])
  })

  it('leaves its place to others, of its site as well', () => {
    const list = new KnownIssuers(64)
    list.note('https://a.ps.example', now, before)
    list.note('https://b.ps.example', now, before)
    expect(list.has('https://b.ps.example')).toBe(false)
    list.strike('https://a.ps.example', now)
    list.note('https://b.ps.example', now, before)
    expect(list.has('https://b.ps.example')).toBe(true)
  })

  it('counts as struck for eight days, and not at all by a clock that was ahead', () => {
    const ahead = new KnownIssuers()
    ahead.strike(issuer, now + 1000 * day)
    const list = reread(ahead)
    list.note(issuer, now + 11 * minute, now + minute)
    expect(list.has(issuer)).toBe(true)
    const { one } = struck()
    expect(reread(one, now + 8 * day - 1000).text()).not.toBe('')
    expect(reread(one, now + 8 * day).text()).toBe('')
  })

  it('takes no more text than a store holds in one value, however many are struck, and the last of them count', () => {
    const list = new KnownIssuers()
    for (let i = 0; i < 4096; i++) list.note(`https://domain-${i}.example`, now, before)
    for (let i = 0; i < 5000; i++) list.strike(`https://gone-${i}.example`, now + i * 1000)
    list.merge('', now + day)
    expect(list.size).toBe(4096)
    expect(list.text().length).toBeLessThan(165_000)
    const other = reread(list, now + day)
    expect(other.size).toBe(4096)
    expect(other.text()).toBe(list.text())
    other.strike('https://domain-0.example', now + day)
    for (const i of [3975, 3976, 4999]) other.note(`https://gone-${i}.example`, now + day, before)
    // There is one place, and the first that does not count as struck any more has it.
    expect([3975, 3976, 4999].map((i) => other.has(`https://gone-${i}.example`))).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('an issuer that was known before this process', () => {
  const known = new KnownIssuers()
  known.note('https://known.example', now, before)

  it('is served in the middle of a storm that leaves strangers nothing, and is a newcomer in all else', async () => {
    const town = new FakeTown({ limits: { newcomersPerMinute: 20 } }, known)
    for (const host of ['known.example', 'other.example']) town.publish(host, [key])
    for (let i = 0; i < 40; i++) await town.find(`x${i}.example`)
    expect(await town.find('other.example')).toMatchObject({ code: 'issuer_unavailable' })
    expect(await town.find('known.example')).toHaveProperty('jkt')
    expect(town.keys.knows('https://known.example')).toBe(false)
    expect(town.keys.classOf('https://known.example')).toBe('newcomer')
    expect(town.keys.inspect(0)).toMatchObject({ admitted: 0, newcomerBudget: 0 })
  })

  it('is a stranger again once an operator has had it forgotten, whether it was held or not', async () => {
    const list = new KnownIssuers()
    for (const name of ['held', 'unheld']) list.note(`https://${name}.example`, now, before)
    const town = new FakeTown({ limits: { newcomersPerMinute: 20 } }, list)
    for (const name of ['held', 'unheld']) town.publish(`${name}.example`, [key])
    await town.verified('held.example')
    for (const name of ['held', 'unheld']) town.keys.forget(`https://${name}.example`)
    for (let i = 0; i < 40; i++) await town.find(`x${i}.example`)
    for (const name of ['held', 'unheld'])
      expect(await town.find(`${name}.example`)).toMatchObject({ code: 'issuer_unavailable' })
    town.pass(60)
    await town.verified('held.example')
    town.pass(600)
    await town.verified('held.example')
    expect([list.has('https://held.example'), list.has('https://unheld.example')]).toEqual([true, false])
  })

  it('is still asked of the policy', async () => {
    const town = new FakeTown({ deny: ['https://known.example'] }, known)
    town.publish('known.example', [key])
    expect(await town.find('known.example')).toMatchObject({ code: 'access_denied' })
    expect(town.fetches).toEqual([])
  })
})

describe('an issuer', () => {
  it('is listed once it has been known for ten minutes and a token of it verifies again, not before', async () => {
    const list = new KnownIssuers()
    const town = new FakeTown({}, list)
    town.publish('ps.example', [key])
    await town.verified('ps.example')
    town.pass(599)
    town.keys.admit('https://ps.example', person)
    expect(list.size).toBe(0)
    town.pass(1)
    town.keys.admit('https://ps.example', person)
    expect(list.has('https://ps.example')).toBe(true)
  })

  it('is not listed where its tokens do not verify, or come from those that were made up for one request', async () => {
    const list = new KnownIssuers()
    const town = new FakeTown({}, list)
    for (let minute = 0; minute < 60; minute++) {
      const host = `i${minute}.evil.example`
      town.publish(host, [key])
      if (minute % 2 === 0) await town.verified(host)
      else await town.find(host)
      town.pass(60)
    }
    expect(list.size).toBe(0)
  })

  it('that an operator named is not listed: it needs no list', async () => {
    const list = new KnownIssuers()
    const town = new FakeTown({ allow: ['https://ps.example'] }, list)
    town.publish('ps.example', [key])
    await town.verified('ps.example')
    town.pass(3600)
    await town.verified('ps.example')
    expect(list.size).toBe(0)
  })
})

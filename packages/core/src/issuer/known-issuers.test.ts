import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'
import { KnownIssuers } from './known-issuers.js'

const day = 86_400_000
const now = 20_000 * day + 5
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
    list.note('https://ps.example', now)
    list.note('https://ap.example', now)
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
    one.note('https://a.example', now)
    other.note('https://b.example', now)
    other.merge(one.text(), now)
    expect(['a', 'b'].map((name) => reread(other).has(`https://${name}.example`))).toEqual([true, true])
    one.merge(other.text(), now)
    expect(one.text()).toBe(other.text())
  })

  it('has nobody on it of whom no token has verified for more than a week', () => {
    const list = new KnownIssuers()
    list.note('https://gone.example', now - 5 * day)
    list.note('https://here.example', now - 5 * day)
    list.note('https://here.example', now)
    const later = reread(list, now + 3 * day)
    expect(['gone', 'here'].map((name) => later.has(`https://${name}.example`))).toEqual([false, true])
    list.merge('', now + 3 * day)
    expect(list.size).toBe(1)
  })

  it('believes no day that is still to come', () => {
    const list = new KnownIssuers()
    list.note('https://ps.example', now + 1000 * day)
    expect(reread(reread(list), now + 8 * day).size).toBe(0)
  })

  it('keeps whoever was there first when it is full, and gives a site no more than its part', () => {
    const list = new KnownIssuers(640)
    list.note('https://honest.example', now)
    for (let i = 0; i < 1000; i++) list.note(`https://i${i}.evil.example`, now)
    expect(list.size).toBe(11)
    for (let i = 0; i < 1000; i++) list.note(`https://i.evil-${i}.example`, now)
    expect(list.size).toBe(640)
    list.merge(list.text(), now + day)
    expect(list.has('https://honest.example')).toBe(true)
    expect(list.has('https://late.example')).toBe(false)
  })

  it('takes no more text than a store holds in one value, when it is full', () => {
    const list = new KnownIssuers()
    for (let i = 0; i < 5000; i++) list.note(`https://${'x'.repeat(60)}.domain-${i}.example`, now)
    expect(list.size).toBe(4096)
    expect(list.text().length).toBeLessThan(130_000)
    expect(reread(list).size).toBe(4096)
  })

  it.each([
    ['nothing', ''],
    ['JSON', '[{"issuer":"https://ps.example"}]'],
    ['lines of another length', 'abc def 20000\nabcdefghijk abcdef 20000000\nabcdefghijk abcdef -1'],
    ['more than there can be', 'abcdefghijk abcdef 20000\n'.repeat(100_000)],
  ])('reads nothing from %s', (_what, text) => {
    const list = new KnownIssuers()
    list.note('https://ps.example', now)
    list.merge(text, now)
    expect(list.size).toBe(1)
    expect(list.has('https://ps.example')).toBe(true)
  })
})

describe('an issuer that was known before this process', () => {
  const known = new KnownIssuers()
  known.note('https://known.example', now)

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

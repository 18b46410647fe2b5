import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../http/message.js'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'
import { DiscoveryQueue } from './discovery-queue.js'
import { FormerIssuers } from './former-issuers.js'
import type { IssuerOptions } from './options.js'
import { SeenSites } from './seen-sites.js'

const key = publicJwk('k1')
const isServed = async (town: FakeTown, host: string): Promise<boolean> => 'jkt' in (await town.find(host))

describe('many hostile domains, each with as many issuers as it likes', () => {
  it('cost no honest issuer its first request once each has come, and no known one any', async () => {
    const town = new FakeTown({ limits: { newcomersPerMinute: 60 } })
    town.publish('known.example', [key])
    await town.verified('known.example')
    let made = 0
    const refused: string[] = []
    for (let second = 0; second < 600; second++) {
      for (let i = 0; i < 5; i++, made++) {
        const host = `i${made}.evil-${made % 150}.example`
        if (made % 2 === 0) town.publish(host, [key])
        if (await isServed(town, host)) town.keys.admit(`https://${host}`, person)
      }
      const honest = `honest-${second}.example`
      if (second > 240 && second % 4 === 0) {
        town.publish(honest, [key])
        if (!(await isServed(town, honest))) refused.push(honest)
        else town.keys.admit(`https://${honest}`, person)
      }
      if (!(await isServed(town, 'known.example'))) refused.push(`known.example at ${second}`)
      town.pass(1)
      if (second % 15 === 0) await town.sweep()
    }
    expect(refused).toEqual([])
    expect(town.keys.inspect(0).counts.answers.busy).toBeGreaterThan(1000)
  }, 30_000)

  it.each([
    ['fetched', 6],
    ['turnedAway', 7],
  ] as const)(
    'leave places to whoever comes for the first time, when all of them hang: %s',
    async (standing, most) => {
      const queue = new DiscoveryQueue({ concurrency: 8, perIssuer: 2, queue: 8 })
      for (let i = 0; i < 20; i++) {
        const [issuer, again] = [`https://i.evil-${i}.example`, { site: `evil-${i}.example`, standing }]
        if (queue.accepts(issuer, 'newcomer', again)) void queue.enter(issuer, 'newcomer', again)
      }
      expect(queue.load).toEqual({ running: most, waiting: most })
      const entered: string[] = []
      for (const name of ['a', 'b'].slice(0, 8 - most)) {
        expect(queue.accepts(`https://${name}.example`, 'newcomer')).toBe(true)
        void queue.enter(`https://${name}.example`, 'newcomer').then(() => entered.push(name))
      }
      await Promise.resolve()
      expect(entered).toEqual(['a', 'b'].slice(0, 8 - most))
    },
  )

  it('are behind those who come after them, once each has asked, although most had to be turned away', async () => {
    const town = new FakeTown({ limits: { newcomersPerMinute: 60 } })
    const refused: string[] = []
    let made = 0
    for (let second = 0; second < 300; second++) {
      // 1,200 domains that ask once a minute; to fetch something of each would take 20 minutes.
      for (let i = 0; i < 20; i++, made++) await town.find(`i${made}.evil-${made % 1200}.example`)
      const honest = `honest-${second}.example`
      if (second > 60 && second % 3 === 0) {
        town.publish(honest, [key])
        if (!(await isServed(town, honest))) refused.push(honest)
      }
      town.pass(1)
    }
    expect(refused).toEqual([])
    expect(town.fetches.length).toBeGreaterThan(300)
  }, 30_000)

  it('do not fill the space of those whose tokens verify, with ten issuers each', async () => {
    const limits = { issuers: 1024, newcomers: 4000, newcomersPerMinute: 2000 }
    const town = new FakeTown({ limits })
    for (let i = 0; i < 1100; i++) {
      const host = `i${i}.evil-${i % 100}.example`
      town.publish(host, [key])
      await town.verified(host)
    }
    town.publish('honest.example', [key])
    await town.verified('honest.example')
    expect(town.keys.knows('https://honest.example')).toBe(true)
  })
})

it('finds a place for an issuer of a site that has none, where many sites have nine each', async () => {
  const limits = { issuers: 1000, newcomers: 4000, newcomerBytes: 2 ** 26, newcomersPerMinute: 4000 }
  const town = new FakeTown({ limits })
  const admit = async (host: string): Promise<boolean> => {
    town.publish(host, [key])
    await town.verified(host)
    return town.keys.knows(`https://${host}`)
  }
  for (let i = 0; i < 9 * 125; i++) await admit(`i${i}.evil-${i % 125}.example`)
  // It is full, but for what the last issuer did not fit into.
  expect(town.keys.inspect(0).admitted).toBeGreaterThan(990)
  const late = []
  for (let i = 0; i < 50; i++) late.push(await admit(`honest-${i}.example`))
  expect(late).not.toContain(false)
  expect(await admit('more.evil-7.example')).toBe(false)
})

describe('an issuer of which a token has verified', () => {
  const limits = { issuers: 1, newcomersPerMinute: 20 }
  const exhaust = async (town: FakeTown): Promise<void> => {
    for (let i = 0; i < 40; i++) await town.find(`x${i}-${town.now}.example`)
    expect(town.keys.inspect(0).newcomerBudget).toBe(0)
  }

  it('is known when it never found a place', async () => {
    const town = new FakeTown({ limits: { ...limits, newcomers: 40 } })
    for (const host of ['a.example', 'b.example']) town.publish(host, [key])
    await town.verified('a.example')
    await town.verified('b.example')
    expect(town.keys.knows('https://b.example')).toBe(false)
    for (let minute = 0; minute < 8; minute++) {
      town.pass(60)
      await exhaust(town)
    }
    expect(await isServed(town, 'b.example')).toBe(true)
    expect(town.count('b.example', '/jwks')).toBe(2)
  })

  it('is known when it had given up its place', async () => {
    const town = new FakeTown({ limits })
    town.publish('a.example', [key])
    await town.verified('a.example')
    town.pass(24 * 3600 + 1)
    await town.sweep()
    expect(town.keys.knows('https://a.example')).toBe(false)
    await exhaust(town)
    expect(await isServed(town, 'a.example')).toBe(true)
  })

  it('is known when it was pushed out while its token was being verified', async () => {
    const town = new FakeTown({ limits })
    town.publish('a.example', [key])
    town.keys.admit('https://a.example', person)
    await exhaust(town)
    expect(await isServed(town, 'a.example')).toBe(true)
    town.keys.forget('https://a.example')
    expect(await isServed(town, 'a.example')).toBe(false)
  })
})

it('refreshes those first that have waited longest, so that none waits for good', async () => {
  const town = new FakeTown({ limits: { concurrency: 1 } })
  for (const host of ['c.example', 'a.example']) {
    town.publish(host, [key])
    await town.find(host)
    town.pass(1)
  }
  for (const host of ['a.example', 'c.example']) town.keys.admit(`https://${host}`, person)
  town.pass(500)
  const before = town.fetches.length
  await town.sweep()
  expect(new URL(town.fetches[before] as string).host).toBe('c.example')
  expect(town.fetches.length).toBe(before + 4)
})

describe('clients, where the operator tells which is real', () => {
  const request = (client: string): HttpRequest => ({ method: 'GET', target: client, rawHeaders: [] })
  const clientAddress: IssuerOptions['clientAddress'] = ({ path }) => path
  const open = (ask = clientAddress) => {
    let made = 0
    const town = new FakeTown({ clientAddress: ask, limits: { newcomersPerMinute: 80 } })
    /** How many of these many issuers, of a domain each, are fetched for a client. */
    const fetched = async (client: string, many: number): Promise<number> => {
      const before = town.fetches.length
      for (let i = 0; i < many; i++)
        await town.keys.find(town.query(`one.of-${made++}.example`), request(client))
      return town.fetches.length - before
    }
    return { town, fetched }
  }

  it('have a quarter of the budget each, however many domains they bring', async () => {
    const { fetched } = open()
    expect(await fetched('192.0.2.1', 50)).toBe(20)
    expect(await fetched('192.0.2.2', 50)).toBe(15)
    expect(await fetched('192.0.2.1', 50)).toBe(0)
    expect(await fetched('192.0.2.3', 1)).toBe(1)
  })

  it.each([
    ['an IPv6 network of 64 bits', '2001:db8:0:1::1', '2001:0DB8:0:1:ffff::2', '2001:db8:0:2::1'],
    ['an IPv4 address written as IPv6', '192.0.2.1', '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['an address with a zone', 'fe80::1%eth0', 'fe80::2%eth1', 'fe80:0:0:1::1'],
    ['whatever is no address', 'unknown', `1.2.3.4, ${'5'.repeat(10_000)}`, '192.0.2.1'],
    ['addresses with ports', '192.0.2.1:80', '192.0.2.1:81', '192.0.2.1'],
  ])('are one: %s', async (_what, one, same, other) => {
    const { fetched } = open()
    expect(await fetched(one, 50)).toBe(20)
    expect(await fetched(same, 50)).toBe(0)
    expect(await fetched(other, 1)).toBe(1)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no socket')
      },
    ],
    ['rejects', () => Promise.reject(new Error('late'))],
    ['gives a number', () => 7],
  ])('are one together, and it is told, where the function %s', async (_what, ask) => {
    const { town, fetched } = open(ask as typeof clientAddress)
    expect(await fetched('192.0.2.1', 50)).toBe(20)
    expect(await fetched('192.0.2.2', 50)).toBe(0)
    expect(town.events.filter(({ name }) => name === 'issuer-policy-failed').length).toBe(100)
  })

  it('are not told apart where it gives undefined, and not asked for issuers that are known', async () => {
    const asked: string[] = []
    const { town, fetched } = open(({ path }) => {
      asked.push(path)
      return undefined
    })
    expect(await fetched('a', 90)).toBe(80)
    town.publish('known.example', [key])
    town.keys.admit('https://known.example', person)
    const before = asked.length
    expect(await town.keys.find(town.query('known.example'), request('b'))).toHaveProperty('jkt')
    expect(asked.length).toBe(before)
  })

  it('leave places to others, when all their issuers hang', async () => {
    const queue = new DiscoveryQueue({ concurrency: 8, perIssuer: 2, queue: 8 })
    const whose = (site: string, client: string) => ({ site, standing: 'first' as const, client })
    for (let i = 0; i < 30; i++)
      if (queue.accepts(`https://evil-${i}.example`, 'newcomer', whose(`evil-${i}.example`, 'a')))
        void queue.enter(`https://evil-${i}.example`, 'newcomer', whose(`evil-${i}.example`, 'a'))
    expect(queue.load).toEqual({ running: 2, waiting: 2 })
    expect(queue.accepts('https://ps.example', 'newcomer', whose('ps.example', 'b'))).toBe(true)
  })
})

describe('what is remembered of names', () => {
  it('is bounded, and forgets what was noted longest ago', () => {
    const seen = new SeenSites(100)
    for (let i = 0; i < 1000; i++) seen.fetched(seen.nameOf(`${i}.example`), 0)
    for (let i = 1000; i < 2000; i++) seen.turnedAway(seen.nameOf(`${i}.example`), 0)
    expect(seen.size).toBe(200)
    const standings = (now: number): string[] =>
      ['1', '999', '1001', '1999'].map((name) => seen.standingOf(seen.nameOf(`${name}.example`), now))
    expect(standings(0)).toEqual(['first', 'fetched', 'first', 'turnedAway'])
    expect(standings(24 * 3_600_000)).toEqual(['first', 'first', 'first', 'first'])
    seen.fetched(seen.nameOf('1999.example'), 0)
    expect(standings(0)).toEqual(['first', 'fetched', 'first', 'fetched'])
  })

  it('is shared by site among issuers that were known', () => {
    const former = new FormerIssuers(640)
    former.add('https://a.honest.example', 'honest.example')
    for (let i = 0; i < 5000; i++) former.add(`https://i${i}.evil.example`, 'evil.example')
    expect(former.size).toBe(11)
    expect(former.has('https://a.honest.example')).toBe(true)
    for (let i = 0; i < 5000; i++) former.add(`https://i.evil-${i}.example`, `evil-${i}.example`)
    expect(former.size).toBe(640)
    former.delete('https://i.evil-4999.example')
    expect(former.has('https://i.evil-4999.example')).toBe(false)
    expect(former.size).toBe(639)
  })
})

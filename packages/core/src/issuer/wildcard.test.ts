import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'

const key = publicJwk('k1')

/** A domain whose names all answer, each as an issuer of its own. */
class WildcardTown extends FakeTown {
  #made = 0
  readonly #domain: string

  constructor(domain: string, options: ConstructorParameters<typeof FakeTown>[0] = {}) {
    super(options)
    this.#domain = domain
  }

  /** Requests that are signed in the name of issuers that nobody has seen before. */
  async storm(requests: number): Promise<void> {
    for (let index = 0; index < requests; index++) {
      const host = `i${this.#made++}.${this.#domain}`
      this.publish(host, [key])
      const found = await this.find(host)
      if ('jkt' in found) this.keys.admit(`https://${host}`, person)
    }
  }
}

/** Whether a request of this issuer would be served: from memory, or by a fetch. */
const isServed = async (town: FakeTown, host: string): Promise<boolean> => 'jkt' in (await town.find(host))

describe('one domain with as many issuers as it likes', () => {
  const proven = ['ps.example', 'agents.example', 'other.example']

  it('pushes out nobody whose token has verified or who was prewarmed, for ten minutes of storms', async () => {
    const warm = 'warm.example'
    const town = new WildcardTown('evil.example', {
      limits: { issuers: 200, newcomers: 600 },
      prewarm: [{ issuer: `https://${warm}`, dwk: person }],
    })
    town.publish(warm, [key])
    for (const host of proven) {
      town.publish(host, [key])
      await town.verified(host)
    }
    await town.keys.warm()
    const refused: string[] = []
    for (let minute = 0; minute < 10; minute++) {
      for (let second = 0; second < 60; second += 3) {
        if (second === 0) await town.storm(300)
        for (const host of [warm, ...proven]) if (!(await isServed(town, host))) refused.push(host)
        town.pass(3)
        if (second % 15 === 0) await town.sweep()
      }
    }
    expect(refused).toEqual([])
    expect(town.withdrawn.filter((one) => !one.includes('.evil.example'))).toEqual([])
    expect(town.keys.inspect(0).admitted).toBeLessThanOrEqual(201)
  }, 20_000)

  it('leaves room for those who come later', async () => {
    const town = new WildcardTown('evil.example', { limits: { issuers: 50, newcomers: 600 } })
    await town.storm(300)
    for (let minute = 0; minute < 3; minute++) {
      town.pass(60)
      await town.storm(300)
    }
    for (const host of proven) {
      town.publish(host, [key])
      await town.verified(host)
    }
    expect(proven.map((host) => town.keys.knows(`https://${host}`))).toEqual([true, true, true])
  })

  it('holds up no discovery of another, when its issuers hang', async () => {
    const town = new WildcardTown('evil.example', { limits: { timeout: 5000, wait: 5 } })
    town.publish('ps.example', [key])
    await town.verified('ps.example')
    await town.storm(70)
    town.pass(660)
    const hanging = Array.from({ length: 70 }, (_, index) => {
      town.behave(`i${index}.evil.example`, () => new Promise(() => {}))
      return town.find(`i${index}.evil.example`, 'unknown')
    })
    town.publish('ps.example', [key, publicJwk('k2')])
    expect(await town.find('ps.example', 'k2')).toHaveProperty('jkt')
    town.publish('new.example', [key])
    expect(await town.find('new.example')).toHaveProperty('jkt')
    town.keys.close()
    await Promise.all(hanging)
  })
})

it.each([4, 12])(
  '%i domains leave places to the next newcomer, when all their issuers hang',
  async (domains) => {
    const town = new FakeTown({ limits: { timeout: 5000, wait: 5 } })
    const hanging: Promise<unknown>[] = []
    for (let index = 0; index < 24 * domains; index++) {
      const host = `i${index}.evil-${index % domains}.example`
      town.behave(host, () => new Promise(() => {}))
      hanging.push(town.find(host))
    }
    town.publish('new.example', [key])
    expect(await town.find('new.example')).toHaveProperty('jkt')
    town.keys.close()
    await Promise.all(hanging)
  },
)

describe('an issuer that was admitted', () => {
  it('is displaced by none that comes later, whatever its domain', async () => {
    const town = new FakeTown({ limits: { issuers: 3 } })
    for (const host of ['a.example', 'b.example', 'c.example', 'd.example', 'e.example']) {
      town.publish(host, [key])
      await town.verified(host)
    }
    const known = ['a', 'b', 'c', 'd', 'e'].filter((name) => town.keys.knows(`https://${name}.example`))
    expect(known).toEqual(['a', 'b', 'c'])
    expect(town.withdrawn).toEqual([])
    // Who found no place is served all the same.
    expect(await isServed(town, 'e.example')).toBe(true)
  })

  it('comes back at once if it was pushed out: not as a newcomer, and without waiting for the floor', async () => {
    const town = new FakeTown({ limits: { issuers: 2, newcomersPerMinute: 20 } })
    for (const host of ['a.shared.example', 'b.shared.example', 'c.example']) {
      town.publish(host, [key])
      await town.verified(host)
    }
    expect(town.withdrawn).toEqual([`https://b.shared.example ${person}`])
    for (let index = 0; index < 30; index++) await town.find(`x${index}.example`)
    expect(town.keys.inspect(0).newcomerBudget).toBe(0)
    expect(await isServed(town, 'b.shared.example')).toBe(true)
    expect(town.count('b.shared.example', '/jwks')).toBe(2)
  })

  it('still counts as known when it was pushed out and could not be reached at first', async () => {
    const town = new FakeTown({ limits: { issuers: 2, newcomersPerMinute: 20 } })
    for (const host of ['a.shared.example', 'b.shared.example', 'c.example']) {
      town.publish(host, [key])
      await town.verified(host)
    }
    town.behave('b.shared.example', () => new Response('', { status: 503 }))
    expect(await isServed(town, 'b.shared.example')).toBe(false)
    town.publish('b.shared.example', [key])
    town.pass(70)
    for (let index = 0; index < 60; index++) await town.find(`x${index}.example`)
    expect(town.keys.inspect(0).newcomerBudget).toBe(0)
    expect(await isServed(town, 'b.shared.example')).toBe(true)
  })

  it('gives up its place when nothing of it has been used or kept for a day', async () => {
    const town = new FakeTown({ limits: { issuers: 1 } })
    for (const host of ['a.example', 'b.example']) town.publish(host, [key])
    await town.verified('a.example')
    await town.verified('b.example')
    expect(town.keys.knows('https://b.example')).toBe(false)
    town.pass(24 * 3600 + 1)
    await town.sweep()
    await town.verified('b.example')
    expect(town.keys.knows('https://b.example')).toBe(true)
  })
})

it('does not count issuers that the operator named, so they leave nobody out and stay', async () => {
  const named = Array.from({ length: 20 }, (_, index) => `https://n${index}.evil.example`)
  const prewarm = named.map((issuer) => ({ issuer, dwk: person }))
  const town = new FakeTown({ limits: { issuers: 1 }, prewarm })
  for (const issuer of named) town.publish(issuer.slice(8), [key])
  await town.keys.warm()
  town.publish('a.example', [key])
  await town.verified('a.example')
  expect(town.withdrawn).toEqual([])
  expect(town.keys.inspect(0).admitted).toBe(21)
  expect(town.keys.classOf(named[0] as string)).toBe('named')
  expect(town.keys.classOf('https://a.example')).toBe('newcomer')
  town.pass(600)
  expect(town.keys.classOf('https://a.example')).toBe('established')
})

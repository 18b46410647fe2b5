import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TinyResource } from './testing/tiny-resource.js'
import { createTown, type Town } from './town.js'

const bread = 'https://shop.example/bread'

describe('the town', () => {
  let town: Town
  let shop: TinyResource
  let now = Date.UTC(2026, 9, 1)
  beforeEach(async () => {
    now = Date.UTC(2026, 9, 1)
    town = await createTown({ clock: () => now })
    shop = await TinyResource.open(town)
  })
  afterEach(() => town.close())

  const route = () => town.ledger.filter(({ url }) => !url.includes('.well-known') && !url.includes('jwks'))

  it('sells bread, three-party', async () => {
    const sam = town.agent('sam', { person: town.person('mom') })
    const answer = await sam.fetch(bread, { method: 'POST', body: 'two loaves' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ sold: 1, body: 'two loaves' })
    expect(route().map((e) => [e.from, e.method, e.url, e.status, e.requirement, e.outcome])).toEqual([
      ['sam', 'POST', bread, 401, 'person-token', 'person-token'],
      ['sam', 'POST', 'https://ps.example/person', 200, null, 'person_token'],
      ['sam', 'POST', bread, 401, 'auth-token', 'auth-token'],
      ['sam', 'POST', 'https://ps.example/token', 200, null, 'auth_token'],
      ['sam', 'POST', bread, 200, null, 'served'],
    ])
  })

  it('sells bread, four-party', async () => {
    const office = await town.openAccessServer('https://office.example')
    shop.accessServer = office.id
    const sam = town.agent('sam', { person: town.person('mom'), alg: 'ES256' })
    expect((await sam.fetch(bread, { method: 'POST' })).status).toBe(200)
    expect(office.issued).toHaveLength(1)
    expect(route().map((e) => `${e.from} → ${e.to}`)).toContain('ps.example → office.example')
  })

  it('keeps one auth token for each resource, and uses it again', async () => {
    const sam = town.agent('sam', { person: town.person('mom') })
    await sam.fetch(bread, { method: 'POST' })
    const before = town.ledger.length
    await sam.fetch(bread, { method: 'POST' })
    expect(town.ledger.length - before).toBe(1)
    expect(shop.sold).toBe(2)
  })
})

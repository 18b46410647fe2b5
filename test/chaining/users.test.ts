import { AgentGaveUp } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from './stage.js'

const form = { username: 'mom', password: 'mom' }
const order = {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: '{"bread":2}',
}

describe.each(adapters)('a supplier that has users of its own [adapter %s]', (adapter) => {
  let stage: Stage
  const asked: string[] = []
  beforeEach(async () => {
    asked.length = 0
    stage = await openStage(adapter, {
      mom: { consent: ({ resource, agent }) => asked.push(`${resource} ${agent}`) > 0 },
      supplierRoute: { user: true },
      orders: ({ caller }) => ({ for: caller !== undefined && 'user' in caller ? caller.user : undefined }),
    })
  })
  afterEach(() => stage.close())

  const buy = (decision: 'approve' | 'decline', visits: string[] = []) =>
    stage.town
      .agent('joe', {
        person: stage.mom,
        onInteraction: async ({ link }) => {
          visits.push(new URL(link).host)
          visits.push(new URL((await stage.town.browser('mom').visit(link, { form, decision })).url).host)
        },
      })
      .fetch(`${resource}/order`, order)
  const hosts = () => {
    const all = stage.town.ledger.filter(({ from }) => from === 'mom').map(({ to }) => to)
    return all.filter((host, index) => host !== all[index - 1])
  }

  it('has the person of the chain come to its page, by way of the API in the middle (R-236, R-316)', async () => {
    const visits: string[] = []
    const answer = await buy('approve', visits)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ supplier: { status: 201, body: { for: 'mom' } } })
    expect(visits).toEqual(['rs.example', 'rs.example'])
    expect(hosts()).toEqual(['rs.example', 'ps.example', 'supplier.example', 'ps.example', 'rs.example'])
    expect(asked).toEqual([
      `${resource} aauth:joe@ap.example`,
      'https://supplier.example aauth:onward@rs.example',
    ])
    expect((await buy('approve', visits)).status).toBe(200)
    expect(visits).toHaveLength(2)
  })

  it('is told no there, and the agent at the beginning is told', async () => {
    const ending = await buy('decline').then(
      ({ status }) => status,
      (error: unknown) => (error instanceof AgentGaveUp ? error.code : error),
    )
    expect(ending).toBe('denied')
    expect(hosts()).toEqual(['rs.example', 'ps.example', 'supplier.example', 'ps.example', 'rs.example'])
    expect(asked).toEqual([`${resource} aauth:joe@ap.example`])
  })
})

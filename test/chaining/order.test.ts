import { afterEach, describe, expect, it, vi } from 'vitest'
import { adapters } from '../target/start.js'
import { openStage, type Stage } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(adapters)('call chaining on %s', (adapter) => {
  let stage: Stage
  afterEach(() => stage.close())

  it('buys from the supplier in the name of the caller', async () => {
    stage = await openStage(adapter)
    const response = await stage.sam.fetch('https://rs.example/order', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    for (const e of stage.town.ledger)
      console.log(e.from, '->', e.to, e.method, e.url, e.status, e.requirement, e.outcome)
    console.log(JSON.stringify(stage.events.slice(-5)))
    expect(await response.json()).toEqual({ supplier: { status: 201, body: { order: 1 } } })
    expect(stage.orders).toEqual([{ bread: 2 }])
  })
})

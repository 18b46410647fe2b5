import { createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'

describe.each(adapters)('what a person server takes back [adapter %s]', (adapter) => {
  let town: Town
  let target: RunningTarget
  beforeEach(async () => {
    town = await createTown()
    target = await startTarget(adapter, 0, { fetch: town.fetch, clock: town.clock })
    town.route('rs.example', target.port)
  })
  afterEach(async () => {
    await target.close()
    await town.close()
  })

  it('R-012, R-257: the endpoint is found in the metadata, and the answer has no content (R-264)', async () => {
    const metadata = await (await town.fetch(`${resource}/.well-known/aauth-resource.json`)).json()
    expect(metadata).toMatchObject({ revocation_endpoint: 'https://rs.example/aauth/revoke' })
    const token = { jti: 'never-seen', exp: Math.floor(town.clock() / 1000) + 300 }
    const { outcome, response } = await town.ps.revoke(token.jti, token.exp, resource)
    expect(outcome).toBe('recorded')
    expect(response?.status).toBe(200)
    expect(response?.headers.get('content-type')).toBe(null)
    expect(await response?.text()).toBe('')
  })
})

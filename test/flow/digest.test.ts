import { createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'

describe.each(adapters)('a route that wants its content signed [adapter %s]', (adapter) => {
  let town: Town
  let target: RunningTarget
  const start = async (options: Parameters<typeof startTarget>[2] = {}): Promise<void> => {
    target = await startTarget(adapter, 0, { fetch: town.fetch, ...options })
    town.route('rs.example', target.port)
  }
  beforeEach(async () => {
    town = await createTown()
  })
  afterEach(async () => {
    await target.close()
    await town.close()
  })
  const metadata = async (): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${target.port}/.well-known/aauth-resource.json`)).json()

  it('is served with a grant, and the metadata promises nothing for other routes [R-047]', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom') })
    const headers = { 'Content-Type': 'application/json' }
    const answer = await sam.fetch(`${resource}/digest`, { method: 'POST', headers, body: '{"bread":2}' })
    expect([answer.status, await answer.json()]).toEqual([200, { bytes: 11 }])
    expect(await metadata()).not.toHaveProperty('additional_signature_components')
  })

  it('may be every route, and then the metadata says so [R-011] [N-014]', async () => {
    await start({ additionalSignatureComponents: ['@query', 'content-digest'] })
    expect(await metadata()).toMatchObject({ additional_signature_components: ['@query', 'content-digest'] })
    const sam = town.agent('sam')
    const components = ['@method', '@authority', '@path', 'signature-key']
    const refused = await sam.request({ url: `${resource}/agent` }, { components })
    expect(refused.headers.get('signature-error')).toBe(
      'error=invalid_input, required_input=("@method" "@authority" "@path" "signature-key" "@query")',
    )
    expect((await sam.fetch(`${resource}/agent?a=1`)).status).toBe(200)
  })
})

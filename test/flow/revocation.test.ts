import { createMemoryStore } from '@countersign/core'
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

  it('HC-110: told to one instance, it holds at every other that shares its store, at the next request', async () => {
    await target.close()
    const shared = { fetch: town.fetch, clock: town.clock, store: createMemoryStore({ clock: town.clock }) }
    target = await startTarget(adapter, 0, shared)
    const other = await startTarget(adapter, 0, shared)
    const mom = town.person('mom')
    const sam = town.agent('sam', { person: mom })
    const holder = { person: mom, resource, cnf: sam.key.cnf, scope: 'data.read' }
    const token = await town.ps.mintAuthToken(holder, { claims: { jti: 'taken-back' } })
    const askBoth = async (): Promise<number[]> => {
      const answers: number[] = []
      for (const { port } of [target, other]) {
        town.route('rs.example', port)
        answers.push((await sam.request({ url: `${resource}/data` }, { token })).status)
      }
      return answers
    }
    expect(await askBoth()).toEqual([200, 200])
    town.route('rs.example', target.port)
    await town.ps.revoke('taken-back', Math.floor(town.clock() / 1000) + 600, resource)
    expect(await askBoth()).toEqual([401, 401])
    await other.close()
  })

  it('R-271: a call that waits ends with the person token it was begun on, granted or not', async () => {
    const mom = town.person('mom')
    const sam = town.agent('sam', { person: mom })
    const holder = { person: mom, resource, cnf: sam.key.cnf }
    const token = await town.ps.mintPersonToken(holder, { claims: { jti: 'begun-on' } })
    const held = await sam.request({ method: 'POST', url: `${resource}/held` }, { token })
    const url = held.headers.get('location') as string
    await town.ps.revoke('begun-on', Math.floor(town.clock() / 1000) + 600, resource)
    const grant = await town.ps.mintAuthToken({ ...holder, scope: 'data.write' })
    const answers = [
      await sam.request({ url }, { token: grant }),
      await sam.request({ url }, { token: grant }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 410])
    expect(await answers[0]?.json()).toMatchObject({ error: 'revoked' })
  })
})

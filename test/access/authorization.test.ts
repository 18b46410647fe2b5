import { authorized, interact, type ResourceOptions } from '@countersign/core'
import { afterEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { interactionOf, locationOf, openStage, type Stage } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

describe.each(adapters)('an authorization endpoint that decides by itself [adapter %s]', (adapter) => {
  let stage: Stage
  afterEach(() => stage.close())
  const ask = async (scope: string): Promise<Response> => {
    const body = JSON.stringify({ scope })
    const headers: [string, string][] = [['Content-Type', 'application/json']]
    const request = { method: 'POST', url: `${resource}/aauth/authorize`, headers, body }
    return stage.sam.request(request, { token: await stage.personToken() })
  }
  const useSession = (session: string | null): Promise<Response> =>
    stage.sam.request({ url: `${resource}/session`, headers: [['Authorization', `AAuth ${session}`]] })
  const open = async (authorize: ResourceOptions['authorize']): Promise<void> => {
    stage = await openStage(adapter, authorize === undefined ? {} : { authorize })
  }

  it('may send the person to our page: 202, and a session after it (R-178, R-181)', async () => {
    await open(() => interact({ description: 'Read everything' }))
    const first = await ask('data.read email')
    expect(first.status).toBe(202)
    expect(first.headers.get('cache-control')).toBe('no-store')
    const { url: page, code } = interactionOf(first)
    const visitor = new Visitor(stage.town)
    await visitor.decide(await visitor.open(`${page}?code=${code}`), 'approve')
    const done = await stage.sam.request({ url: locationOf(first) })
    expect([done.status, await done.json()]).toEqual([200, { status: 'authorized', scope: 'data.read' }])
    const served = await useSession(done.headers.get('aauth-access'))
    expect(await served.json()).toMatchObject({ kind: 'session', user: 'mom' })
  })

  it('may begin a session at once, for the key that asked and no other (R-178)', async () => {
    await open(({ caller, scope }) => authorized(scope, { user: caller.person.sub }))
    const answer = await ask('data.read')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ status: 'authorized', scope: 'data.read' })
    const session = answer.headers.get('aauth-access')
    expect(await (await useSession(session)).json()).toMatchObject({ kind: 'session' })
    const joe = stage.town.agent('joe')
    const stolen = await joe.request({
      url: `${resource}/session`,
      headers: [['Authorization', `AAuth ${session}`]],
    })
    expect(stolen.status).toBe(202)
  })
})

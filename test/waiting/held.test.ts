import { fresh } from '@countersign/core'
import { readRequirement } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from './stage.js'

describe.each(adapters)('a held call [adapter %s]', (adapter) => {
  let stage: Stage
  let ran: number
  let finish: () => Promise<object>
  const held = { scope: 'data.write', deliver: 'held' } as const
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/transfers',
      requirement: held,
      status: 201,
      answer: async ({ caller, bytes }) => {
        ran++
        return { id: `t-${ran}`, bytes, kind: caller.kind, ...(await finish()) }
      },
    },
    {
      method: 'POST',
      path: '/fresh',
      requirement: {
        ...held,
        policy: (input) => {
          judged++
          return fresh(60)(input)
        },
      },
      status: 201,
      answer: () => ({ ran: ++ran }),
    },
  ]
  const url = `${resource}/transfers?to=x`
  let judged: number
  beforeEach(async () => {
    ran = 0
    judged = 0
    finish = async () => ({})
    stage = await openStage(adapter, { pending: { callContent: 1000, callAnswer: 5000 } }, table)
  })
  afterEach(() => stage.close())

  const call = async (token?: string, body = 'five', path = ''): Promise<Response> => {
    const headers = [['Content-Type', 'text/plain']] as const
    return stage.sam.request(
      { method: 'POST', url: path === '' ? url : resource + path, headers, body },
      { token: token ?? (await stage.personToken()) },
    )
  }
  const poll = (pending: string, token: string): Promise<Response> =>
    stage.sam.request({ url: pending }, { token })

  it('waits for a grant, and runs when it comes (R-159, R-243, R-244, R-213, R-214, R-215)', async () => {
    const first = await call()
    expect(first.headers.get('cache-control')).toBe('no-store')
    expect(first.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(first.headers.get('location')).toMatch(/^https:\/\/rs\.example\/aauth\/pending\/[\w-]{43}$/)
    expect(await first.clone().json()).toEqual({ status: 'pending' })
    expect(readRequirement(first)?.name).toBe('auth-token')
    const answer = await poll(locationOf(first), await stage.grant('data.write'))
    expect(answer.status).toBe(201)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.json()).toEqual({ id: 't-1', bytes: 4, kind: 'grant' })
  })

  it('gives the same grant the same answer, and any other 410 (R-245, R-247, N-143, N-144, HC-101)', async () => {
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    const first = await poll(pending, grant)
    const again = await poll(pending, grant)
    expect([again.status, await again.text()]).toEqual([201, await first.text()])
    expect((await poll(pending, await stage.grant('data.write'))).status).toBe(410)
    expect((await poll(pending, await stage.personToken())).status).toBe(410)
    expect(ran).toBe(1)
  })

  it('runs once for two polls at the same time (N-145, HC-101)', async () => {
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    let running: () => void = () => undefined
    const started = new Promise<void>((resolve) => {
      running = resolve
    })
    finish = async () => {
      running()
      await gate
      return {}
    }
    const first = poll(pending, grant)
    await started
    const second = await poll(pending, grant)
    expect([second.status, await second.json()]).toEqual([202, { status: 'pending' }])
    open()
    expect((await first).status).toBe(201)
    expect((await poll(pending, grant)).status).toBe(201)
    expect(ran).toBe(1)
  })

  it('keeps the answer for the life of the grant, then is gone (R-246, R-249, N-147)', async () => {
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    await poll(pending, grant)
    stage.pass(3599)
    expect((await poll(pending, grant)).status).toBe(201)
    stage.pass(100)
    const late = await poll(pending, grant)
    expect([late.status, late.headers.get('signature-error')]).toEqual([401, 'error=expired_jwt'])
    expect((await poll(pending, await stage.personToken())).status).toBe(410)
    expect(ran).toBe(1)
  })

  it('is decided by nothing but a sufficient grant (R-251, N-141)', async () => {
    const pending = locationOf(await call())
    for (const token of [
      await stage.grant('data.read'),
      await stage.grant('data.write', { account: 'joint' }),
      await stage.personToken(),
      (await stage.sam.agentToken()).jwt,
    ]) {
      expect((await poll(pending, token)).status).toBe(202)
    }
    expect(ran).toBe(0)
  })

  it('names the token of the poll in a fresh resource token (R-248, R-201)', async () => {
    const personToken = await stage.personToken()
    const first = await call(personToken)
    const pending = locationOf(first)
    const resourceTokenOf = (response: Response): string =>
      readRequirement(response)?.parameters['resource-token'] as string
    expect(resourceTokenOf(await poll(pending, personToken))).toBe(resourceTokenOf(first))
    stage.pass(301)
    const fresh = decodeJwt(resourceTokenOf(await poll(pending, personToken)))
    expect(fresh['presented_jti']).toBe(decodeJwt(personToken).jti)
    expect(fresh.exp).toBeGreaterThan(stage.town.clock() / 1000)
    const other = await stage.grant('data.read')
    expect(decodeJwt(resourceTokenOf(await poll(pending, other)))['presented_jti']).toBe(decodeJwt(other).jti)
    const agentOnly = await poll(pending, (await stage.sam.agentToken()).jwt)
    expect(agentOnly.headers.has('aauth-requirement')).toBe(false)
  })

  it('is nobody else’s: another key, another person (N-142, N-132)', async () => {
    const pending = locationOf(await call())
    const dad = stage.town.person('dad')
    expect((await poll(pending, await stage.grant('data.write', { person: dad }))).status).toBe(404)
    const eve = stage.town.agent('eve', { person: stage.mom })
    const cnf = eve.key.cnf
    const hers = await stage.town.ps.mintAuthToken({ person: stage.mom, resource, cnf, scope: 'data.write' })
    expect((await eve.request({ url: pending }, { token: hers })).status).toBe(404)
    expect(ran).toBe(0)
  })

  it('is refused with a revoked token (N-146)', async () => {
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    const { jti, exp } = decodeJwt(grant)
    await stage.aauth.revocations.record({ iss: stage.town.ps.id, jti: jti as string, exp: exp as number })
    const answer = await poll(pending, grant)
    expect([answer.status, answer.headers.get('signature-error')]).toEqual([401, 'error=revoked_jwt'])
    expect(ran).toBe(0)
  })

  it('keeps a handler’s failure as its answer', async () => {
    finish = () => Promise.reject(new Error('out of flour'))
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    expect((await poll(pending, grant)).status).toBe(500)
    expect((await poll(pending, grant)).status).toBe(500)
    expect(ran).toBe(1)
  })

  it('says so when the answer is too long to keep', async () => {
    finish = async () => ({ filling: 'x'.repeat(6000) })
    const pending = locationOf(await call())
    const grant = await stage.grant('data.write')
    const first = await poll(pending, grant)
    expect([first.status, await errorOf(first)]).toEqual([500, 'server_error'])
    expect((await poll(pending, grant)).status).toBe(500)
    expect(ran).toBe(1)
  })

  it('challenges a call that is too long to hold (R-250)', async () => {
    const answer = await call(undefined, 'x'.repeat(1001))
    expect([answer.status, readRequirement(answer)?.name]).toEqual([401, 'auth-token'])
  })

  it('ends unheard when no grant comes in time (N-135)', async () => {
    const pending = locationOf(await call())
    stage.pass(601)
    const late = await poll(pending, await stage.grant('data.write'))
    expect([late.status, await errorOf(late)]).toEqual([408, 'expired'])
    expect((await poll(pending, await stage.grant('data.write'))).status).toBe(410)
    expect(ran).toBe(0)
  })

  it('can be called off (R-255, N-140)', async () => {
    const pending = locationOf(await call())
    const token = await stage.personToken()
    expect((await stage.sam.request({ method: 'DELETE', url: pending }, { token })).status).toBe(204)
    expect((await poll(pending, await stage.grant('data.write'))).status).toBe(410)
    expect(ran).toBe(0)
  })

  it('is judged once a poll, and waits on for a token that the route has not seen (G-41, G-42)', async () => {
    const first = locationOf(await call(undefined, 'five', '/fresh'))
    const stale = await stage.grant('data.write')
    stage.pass(120)
    const again = await poll(first, stale)
    expect([again.status, readRequirement(again)?.name, judged]).toEqual([202, 'auth-token', 1])
    const asked = decodeJwt(readRequirement(again)?.parameters['resource-token'] as string)
    expect(asked['presented_jti']).toBe(decodeJwt(stale).jti)
    // Neither here nor where the call waits now is it judged again.
    for (const url of [first, locationOf(again)]) expect((await poll(url, stale)).status).toBe(202)
    expect([judged, ran]).toEqual([1, 0])
    const done = await poll(first, await stage.grant('data.write'))
    expect([done.status, judged, ran]).toEqual([201, 2, 1])
  })

  it('is not judged again with the grant that it was made with', async () => {
    const stale = await stage.grant('data.write')
    stage.pass(120)
    const pending = locationOf(await call(stale, 'five', '/fresh'))
    expect(judged).toBe(1)
    expect((await poll(pending, stale)).status).toBe(202)
    expect(judged).toBe(1)
    expect((await poll(pending, await stage.grant('data.write'))).status).toBe(201)
  })

  it('takes nothing of what the key may open by waiting again, and has an end', async () => {
    const pending = locationOf(await call(undefined, 'five', '/fresh'))
    const stale = await Promise.all(Array.from({ length: 17 }, () => stage.grant('data.write')))
    stage.pass(120)
    const statuses: number[] = []
    for (const token of stale) {
      stage.pass(2)
      statuses.push((await poll(pending, token)).status)
    }
    expect(statuses).toEqual([...Array.from({ length: 15 }, () => 202), 403, 410])
    expect([judged, ran]).toEqual([16, 0])
  })

  it('is brought to its end by an agent that knows how', async () => {
    const answer = await stage.sam.fetch(url, { method: 'POST', body: 'five' })
    expect(await answer.json()).toMatchObject({ id: 't-1', bytes: 4 })
  })
})

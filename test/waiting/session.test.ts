import { authorized, interact } from '@countersign/core'
import { readRequirement } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'
import { Visitor } from './visitor.js'

const url = `${resource}/session`

describe.each(adapters)('a session [adapter %s]', (adapter) => {
  let stage: Stage
  const open = async (options: Parameters<typeof openStage>[1] = {}): Promise<void> => {
    stage = await openStage(adapter, options)
  }
  beforeEach(() => open())
  afterEach(() => stage.close())

  const call = (session?: string, token?: string): Promise<Response> =>
    stage.sam.request(
      { url, headers: session === undefined ? [] : [['Authorization', `AAuth ${session}`]] },
      token === undefined ? {} : { token },
    )
  const visit = async (response: Response, decision: 'approve' | 'decline'): Promise<void> => {
    const { url: page, code } = interactionOf(response)
    const visitor = new Visitor(stage.town)
    await visitor.decide(await visitor.open(`${page}?code=${code}`), decision)
  }
  const connect = async (): Promise<string> => {
    const first = await call()
    await visit(first, 'approve')
    const done = await stage.sam.request({ url: locationOf(first) })
    return done.headers.get('aauth-access') as string
  }

  it('begins with an interaction, and ends with AAuth-Access (R-160, R-204, R-213, R-226, R-229, R-030)', async () => {
    const first = await call()
    expect(first.status).toBe(202)
    expect(first.headers.get('retry-after')).toBe('5')
    expect(first.headers.get('cache-control')).toBe('no-store')
    const { url: page, code } = interactionOf(first)
    expect(page).toMatch(/^https:\/\/rs\.example\/aauth\/interact\/[\w-]+$/)
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    expect(await first.clone().json()).toEqual({ status: 'pending' })
    const visitor = new Visitor(stage.town)
    const consent = await visitor.open(`${page}?code=${code}`)
    const between = await stage.sam.request({ url: locationOf(first) })
    expect([between.status, await between.json()]).toEqual([202, { status: 'interacting' }])
    await visitor.decide(consent, 'approve')
    const done = await stage.sam.request({ url: locationOf(first) })
    expect([done.status, await done.json()]).toEqual([200, { status: 'authorized' }])
    expect(done.headers.get('cache-control')).toBe('no-store')
    const session = done.headers.get('aauth-access') as string
    expect(session).toMatch(/^[A-Za-z0-9._~+/-]+=*$/)
    const served = await call(session)
    expect(await served.json()).toMatchObject({ kind: 'session', user: 'mom', agent: stage.sam.identifier })
    expect((await stage.sam.request({ url: locationOf(first) })).status).toBe(410)
  })

  it('is carried through by an agent that knows how, whose fetch resolves with the answer of the route', async () => {
    let visits = 0
    const sam = stage.town.agent('sam', {
      person: stage.mom,
      onInteraction: async ({ link }) => {
        visits++
        const visitor = new Visitor(stage.town)
        await visitor.decide(await visitor.open(link), 'approve')
      },
    })
    for (const _ of [1, 2]) {
      expect(await (await sam.fetch(url)).json()).toMatchObject({ kind: 'session', user: 'mom' })
    }
    expect(visits).toBe(1)
  })

  it('is worth nothing without a signature, or without one that covers it (R-206, R-207, N-125, HC-100)', async () => {
    const session = await connect()
    const headers: [string, string][] = [['Authorization', `AAuth ${session}`]]
    const bare = await stage.town.fetch(url, { headers })
    expect([bare.status, readRequirement(bare)?.name]).toEqual([401, 'agent-token'])
    const components = ['@method', '@authority', '@path', 'signature-key']
    const uncovered = await stage.sam.request({ url, headers }, { components })
    expect(uncovered.status).toBe(401)
    expect(uncovered.headers.get('signature-error')).toContain('error=invalid_input')
    expect(uncovered.headers.get('signature-error')).toContain('"authorization"')
  })

  it('is refused when malformed (R-208, N-126, N-127, N-128)', async () => {
    const session = await connect()
    for (const values of [
      ['AAuth'],
      [`AAuth ${session} x`],
      [`AAuth ${session},${session}`],
      ['AAuth "x"'],
      [`AAuth ${session}`, `AAuth ${session}`],
    ]) {
      const headers = values.map((value): [string, string] => ['Authorization', value])
      const components = ['@method', '@authority', '@path', 'signature-key', 'authorization']
      const answer = await stage.sam.request({ url, headers }, { components })
      expect([values, answer.status, readRequirement(answer)?.name]).toEqual([values, 401, 'agent-token'])
      expect(answer.headers.has('signature-error')).toBe(false)
    }
  })

  it('is none for another agent, tampered with, unknown or ended (N-129, N-130, HC-100)', async () => {
    const session = await connect()
    const eve = stage.town.agent('eve', { person: stage.mom })
    const stolen = await eve.request({ url, headers: [['Authorization', `AAuth ${session}`]] })
    expect([stolen.status, readRequirement(stolen)?.name]).toEqual([202, 'interaction'])
    expect((await call(`${session}x`)).status).toBe(202)
    expect((await call('unknown')).status).toBe(202)
    expect((await call(session)).status).toBe(200)
    await stage.aauth.sessions.end({ user: 'mom' })
    expect((await call(session)).status).toBe(202)
  })

  it('is replaced on an answer when it is time (R-209)', async () => {
    const session = await connect()
    expect((await call(session)).headers.has('aauth-access')).toBe(false)
    stage.pass(3600)
    const answer = await call(session)
    const renewed = answer.headers.get('aauth-access') as string
    expect([answer.status, renewed === session]).toEqual([200, false])
    stage.pass(61)
    expect((await call(session)).status).toBe(202)
    expect((await call(renewed)).status).toBe(200)
  })

  it('holds what the login put in, out of the agent’s sight (R-210)', async () => {
    await stage.close()
    const data = { access_token: 'ya29.secret' }
    await open({ interaction: { login: () => ({ user: 'mom', data }), insecureCookie: true } })
    const session = await connect()
    expect(Buffer.from(session, 'base64url').toString('latin1')).not.toContain('secret')
    expect(await (await call(session)).json()).toMatchObject({ data })
  })

  it('is denied when the person declines (N-136, R-223, R-225)', async () => {
    const first = await call()
    await visit(first, 'decline')
    const answer = await stage.sam.request({ url: locationOf(first) })
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'denied'])
    expect(answer.headers.has('signature-error')).toBe(false)
  })

  it('is abandoned when the person gives up signing in (N-136, R-223)', async () => {
    await stage.close()
    await open({ interaction: { login: () => ({ abandoned: true }), insecureCookie: true } })
    const first = await call()
    const { url: page, code } = interactionOf(first)
    await new Visitor(stage.town).open(`${page}?code=${code}`)
    const answer = await stage.sam.request({ url: locationOf(first) })
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'abandoned'])
  })

  it('can be given over another channel; the page is over then (R-239, R-240, N-150)', async () => {
    const first = await call()
    const pending = locationOf(first)
    const id = pending.slice(pending.lastIndexOf('/') + 1)
    await expect(stage.aauth.pending.approve(id)).rejects.toThrow(TypeError)
    expect(await stage.aauth.pending.approve(id, { user: 'mom' })).toBe(true)
    const { url: page, code } = interactionOf(first)
    const late = await new Visitor(stage.town).open(`${page}?code=${code}`)
    expect([late.status, late.text]).toEqual([410, expect.stringContaining('invalid_code')])
    const done = await stage.sam.request({ url: pending })
    expect(await (await call(done.headers.get('aauth-access') as string)).json()).toMatchObject({
      user: 'mom',
    })
  })

  it('may be begun with a person token, and ends when that is revoked', async () => {
    const token = await stage.personToken()
    const first = await call(undefined, token)
    await visit(first, 'approve')
    const done = await stage.sam.request({ url: locationOf(first) })
    const session = done.headers.get('aauth-access') as string
    expect((await call(session)).status).toBe(200)
    const { jti, exp } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
    expect(await stage.town.ps.revoke(jti, exp, resource)).toMatchObject({ outcome: 'recorded' })
    expect((await call(session)).status).toBe(202)
    stage.pass(4000)
    expect((await call(session)).status).toBe(202)
  })

  it('may begin at the authorization endpoint, at once or after an interaction (R-178, R-181)', async () => {
    await stage.close()
    await open({
      interaction: { login: () => 'mom', insecureCookie: true },
      authorize: ({ scope }) =>
        scope.includes('data.write')
          ? interact({ description: 'Change data' })
          : authorized(scope, { user: 'mom' }),
    })
    const authorize = async (scope: string): Promise<Response> =>
      stage.sam.request(
        {
          method: 'POST',
          url: `${resource}/aauth/authorize`,
          headers: [['Content-Type', 'application/json']],
          body: JSON.stringify({ scope }),
        },
        { token: await stage.personToken() },
      )
    const once = await authorize('data.read')
    expect([once.status, await once.json()]).toEqual([200, { status: 'authorized', scope: 'data.read' }])
    const served = await call(once.headers.get('aauth-access') as string)
    expect(await served.json()).toMatchObject({ user: 'mom', scope: ['data.read'] })
    const later = await authorize('data.write')
    await visit(later, 'approve')
    const done = await stage.sam.request({ url: locationOf(later) })
    expect([done.status, await done.json()]).toEqual([200, { status: 'authorized', scope: 'data.write' }])
  })

  it('asks agents that can, and those that do not say (R-296, R-297, R-298, R-299)', async () => {
    const declare = (value: string): Promise<Response> =>
      stage.sam.request({ url, headers: [['AAuth-Capabilities', value]] })
    for (const value of ['interaction', 'payment, interaction;v=2', 'novelty, interaction', 'interaction,,'])
      expect([value, (await declare(value)).status]).toEqual([value, 202])
    for (const value of ['payment', '', 'novelty;x=1']) {
      const answer = await declare(value)
      expect([value, answer.status]).toEqual([value, value === '' ? 403 : 403])
      expect(await errorOf(answer)).toBe('access_denied')
    }
    await stage.close()
    await open({
      interaction: { login: () => 'mom', requireDeclaredCapability: true, insecureCookie: true },
    })
    expect((await call()).status).toBe(403)
    expect((await declare('interaction')).status).toBe(202)
    expect((await declare('interaction,,')).status).toBe(403)
  })
})

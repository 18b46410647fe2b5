import { deny, type ResourceOptions } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'

// What answers of ours say to whoever reads their content.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const answer: TargetRoute['answer'] = () => ({})
const table: readonly TargetRoute[] = [
  { method: 'GET', path: '/agent', requirement: 'agent', answer },
  { method: 'GET', path: '/person', requirement: 'person', answer },
  { method: 'GET', path: '/grant', requirement: { scope: 'data.read' }, answer },
  {
    method: 'GET',
    path: '/closed',
    requirement: { identity: 'any', policy: () => deny('closed', 'Closed on Mondays.') },
    answer,
  },
]

describe.each(adapters)('the content of answers [adapter %s]', (adapter) => {
  let town: Town
  let target: RunningTarget | undefined
  beforeEach(async () => {
    town = await createTown()
  })
  afterEach(async () => {
    await target?.close()
    await town.close()
  })
  const start = async (options: Partial<ResourceOptions> = {}): Promise<void> => {
    target = await startTarget(adapter, 0, { fetch: town.fetchAs('rs.example'), ...options }, table)
    town.route('rs.example', target.port)
  }
  const local = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${target?.port}${path}`, init)

  interface Problem {
    readonly type?: string
    readonly title: string
    readonly status: number
    readonly error: string
    readonly detail?: string
    readonly help?: string
  }
  const problemOf = async (response: Response): Promise<Problem> => {
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    return (await response.json()) as Problem
  }

  it.each([
    ['/agent', 'agent-token'],
    ['/person', 'person-token'],
    ['/grant', 'person-token'],
    ['/aauth/authorize', 'person-token'],
  ])('tells a newcomer at %s what this API speaks, and where to read on', async (path, requirement) => {
    await start()
    const response = await local(path, { method: path === '/aauth/authorize' ? 'POST' : 'GET' })
    expect(response.status).toBe(401)
    expect(response.headers.get('aauth-requirement')).toBe(`requirement=${requirement}`)
    const problem = await problemOf(response)
    expect(problem).toEqual({
      type: 'urn:ietf:params:sig-error:invalid_signature',
      title: expect.any(String),
      status: 401,
      error: 'invalid_signature',
      detail: expect.stringContaining(requirement),
      help: expect.stringMatching(/^https:\/\/.*\/docs\/errors\.md#not-signed$/),
    })
    expect(problem.detail).toContain('/.well-known/aauth-resource.json')
    expect((await local('/.well-known/aauth-resource.json')).status).toBe(200)
  })

  it('says to agents what is required, and never what is in the resource token', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom') })
    const lead = async (path: string, token?: string): Promise<Problem> =>
      problemOf(await sam.request({ url: `${resource}${path}` }, token === undefined ? {} : { token }))
    expect(await lead('/grant')).toMatchObject({
      error: 'person-token',
      help: expect.stringMatching(/#person-token$/),
    })
    const person = await town.ps.mintPersonToken({ person: sam.person as never, resource, cnf: sam.key.cnf })
    const grant = await lead('/grant', person)
    expect(grant).toMatchObject({
      status: 401,
      error: 'auth-token',
      help: expect.stringMatching(/#auth-token$/),
    })
    expect(JSON.stringify(grant)).not.toContain('eyJ')
    expect(await lead('/agent', person)).toMatchObject({
      error: 'agent-token',
      help: expect.stringMatching(/#agent-token$/),
    })
    expect(await lead('/closed')).toMatchObject({
      status: 403,
      error: 'closed',
      detail: 'Closed on Mondays.',
      help: expect.stringMatching(/#access_denied$/),
    })
    expect(await lead('/agent', 'e30.e30.e30')).toMatchObject({
      error: 'invalid_jwt',
      help: expect.stringMatching(/#invalid_jwt$/),
    })
  })

  it('leads to a section when something of ours or of an issuer’s fails', async () => {
    await start({
      store: {
        get: () => Promise.reject(new Error('down')),
        put: () => Promise.reject(new Error('down')),
        claim: () => Promise.reject(new Error('down')),
        delete: () => Promise.reject(new Error('down')),
      },
    })
    const response = await town.agent('sam').request({ url: `${resource}/agent` })
    expect([response.status, await problemOf(response)]).toMatchObject([
      503,
      { error: 'store_unavailable', help: expect.stringMatching(/#store_unavailable$/) },
    ])
  })

  it('leads to the operator’s own guide, or nowhere', async () => {
    await start({ help: 'https://notes.example/errors?for=agents' })
    expect(await problemOf(await local('/agent'))).toMatchObject({
      help: 'https://notes.example/errors?for=agents#not-signed',
    })
    await target?.close()
    await start({ help: false })
    for (const response of [
      await local('/agent'),
      await town.agent('sam').request({ url: `${resource}/person` }),
    ])
      expect(await problemOf(response)).not.toHaveProperty('help')
  })

  it('is left out for HEAD, and announced as for GET', async () => {
    await start()
    const [head, get] = [await local('/agent', { method: 'HEAD' }), await local('/agent')]
    expect([head.status, await head.text()]).toEqual([401, ''])
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
  })

  it.each([['http://a.example/'], ['https://a.example/#b'], [true], ['']])(
    'has to lead somewhere: %o',
    async (help) => {
      await expect(start({ help } as never)).rejects.toThrow('option help')
      target = undefined
    },
  )
})

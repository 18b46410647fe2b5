import {
  type AAuthEvent,
  createMemoryStore,
  type Policy,
  type ResourceOptions,
  type ResourceServer,
  type Store,
} from '@countersign/core'
import { createKey } from '@countersign/devkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'
import { importExample } from './example.js'
import { blocksOf, pageOf, sectionOf } from './page.js'

// What docs/operations.md has operators run at night, run: the code is the page's own.

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const page = pageOf('operations')

/** The functions under a heading of the page. */
const functionsOf = <F>(heading: string, index = 0): Promise<F> =>
  importExample<F>(blocksOf(sectionOf(page, `### ${heading}`), 'ts')[index] as string)

/** A store that can be made to forget everything. */
function forgetfulStore(clock: () => number): { readonly store: Store; forget(): void } {
  let memory = createMemoryStore({ clock })
  return {
    store: {
      get: (key) => memory.get(key),
      put: (key, value, ttl) => memory.put(key, value, ttl),
      claim: (key, value, ttl) => memory.claim(key, value, ttl),
      delete: (key) => memory.delete(key),
    },
    forget() {
      memory = createMemoryStore({ clock })
    },
  }
}

type Server = Pick<ResourceServer, 'denials' | 'keys' | 'issuers'>

describe.each(adapters)('an incident [adapter %s]', (adapter) => {
  let stage: Stage
  let events: AAuthEvent[]
  afterEach(() => stage.close())
  const open = async (options: Partial<ResourceOptions> = {}): Promise<void> => {
    events = []
    stage = await openStage(adapter, { onEvent: (event) => void events.push(event), ...options })
  }
  const statusOf = async (path: string, token?: string, agent = stage.sam): Promise<number> =>
    (await agent.request({ url: `${resource}${path}` }, token === undefined ? {} : { token })).status

  it('revoke everything of one agent', async () => {
    interface Code {
      stopAgent(server: Server, agent: string, keys: readonly string[], by: string): Promise<void>
    }
    const { stopAgent } = await functionsOf<Code>('Revoke everything of one agent')
    await open()
    const { sam, mom, town, aauth } = stage
    const tokens = [undefined, await stage.personToken(), await stage.grant('data.read')]
    const paths = ['/agent', '/person', '/data']
    const statuses = (): Promise<number[]> =>
      Promise.all(paths.map((path, index) => statusOf(path, tokens[index])))
    expect(await statuses()).toEqual([200, 200, 200])
    const held = await sam.request(
      { method: 'POST', url: `${resource}/held` },
      { token: tokens[1] as string },
    )
    expect(held.status).toBe(202)
    await stopAgent(aauth, sam.identifier, [sam.key.jkt], 'night watch')
    expect(await statuses()).toEqual([403, 403, 403])
    const url = held.headers.get('location') as string
    expect((await sam.request({ url }, { token: await stage.grant('data.write') })).status).toBe(403)
    // A new key of the same agent, and another agent of the same person.
    sam.rotateKey()
    expect(await statusOf('/agent')).toBe(403)
    const kim = town.agent('kim', { person: mom })
    const token = await town.ps.mintPersonToken({ person: mom, resource, cnf: kim.key.cnf })
    expect(await statusOf('/person', token, kim)).toBe(200)
    expect(events.filter(({ name }) => name === 'denial-added')).toHaveLength(2)
  })

  it('an agent runs wild', async () => {
    interface Code {
      pause(server: Server, key: string, by: string): Promise<void>
      resume(server: Server, key: string, by: string): Promise<void>
    }
    const { pause, resume } = await functionsOf<Code>('An agent runs wild')
    await open()
    const { jkt } = stage.sam.key
    await pause(stage.aauth, jkt, 'night watch')
    expect(await statusOf('/agent')).toBe(403)
    await resume(stage.aauth, jkt, 'night watch')
    expect(await statusOf('/agent')).toBe(200)
    await pause(stage.aauth, jkt, 'night watch')
    // By which the clocks of instances may differ, it may last longer.
    stage.pass(3600 + 10)
    expect(await statusOf('/agent')).toBe(200)
  })

  it('an issuer is down', async () => {
    interface Code {
      issuersInTrouble(server: Server): string[]
    }
    const { issuersInTrouble } = await functionsOf<Code>('An issuer is down')
    await open({ issuers: { allow: ['https://ap.example'] } })
    expect(await statusOf('/agent')).toBe(200)
    expect(issuersInTrouble(stage.aauth)).toEqual([])
    stage.town.ap.server.intercept(() => ({ status: 500, headers: {}, body: '' }) as never)
    stage.pass(23 * 3600)
    // Its keys serve, and are asked for again with the first new token.
    expect(await statusOf('/agent', await stage.sam.mintAgentToken())).toBe(200)
    await expect
      .poll(() => issuersInTrouble(stage.aauth))
      .toEqual([expect.stringMatching(/^https:\/\/ap\.example: 1 keys, \d+ s old: /)])
    stage.pass(2 * 3600)
    expect(await statusOf('/agent', await stage.sam.mintAgentToken())).toBe(503)
  })

  it('Redis lost its memory: denials are restored, for the time they still have', async () => {
    interface Code {
      copyDenials(server: Server): Promise<string>
      restoreDenials(server: Server, copy: string): Promise<void>
    }
    const { copyDenials, restoreDenials } = await functionsOf<Code>('Redis lost its memory')
    const forgetful = forgetfulStore(Date.now)
    await open({ store: forgetful.store, clock: Date.now })
    const denial = { subject: { agent: stage.sam.identifier }, reason: 'stolen', by: 'night watch' }
    const { until } = await stage.aauth.denials.add({ ...denial, seconds: 500 })
    await stage.aauth.denials.add({ subject: { agent: 'aauth:kim@ap.example' } })
    const copy = await copyDenials(stage.aauth)
    forgetful.forget()
    expect(await stage.aauth.denials.list()).toEqual([])
    await restoreDenials(stage.aauth, copy)
    const restored = await stage.aauth.denials.list()
    expect(restored).toHaveLength(2)
    const again = restored.find(({ reason }) => reason === 'stolen')
    expect(again).toMatchObject(denial)
    expect(Math.abs((again?.until ?? 0) - until)).toBeLessThan(5)
  })

  it('Redis lost its memory: what was revoked before is not accepted, and a new grant is', async () => {
    const { newerThan } = await functionsOf<{ newerThan(lost: number): Policy }>('Redis lost its memory', 1)
    let lost = 0
    const policy: Policy = (request) => newerThan(lost)(request)
    const forgetful = forgetfulStore(() => stage?.town.clock() ?? 0)
    await open({ store: forgetful.store, policy })
    const { sam, mom, town } = stage
    const holder = { person: mom, resource, cnf: sam.key.cnf, scope: 'data.read' }
    const token = await town.ps.mintAuthToken(holder, { claims: { jti: 'taken-back' } })
    expect(await statusOf('/data', token)).toBe(200)
    await town.ps.revoke('taken-back', Math.floor(town.clock() / 1000) + 600, resource)
    expect(await statusOf('/data', token)).toBe(401)
    // A grant counts as fresh for its first minute.
    stage.pass(61)
    forgetful.forget()
    expect(await statusOf('/data', token)).toBe(200)
    lost = Math.floor(town.clock() / 1000)
    expect(await statusOf('/data', token)).toBe(401)
    expect((await sam.fetch(`${resource}/data`)).status).toBe(200)
  })

  it('our key leaked', async () => {
    interface Code {
      replaceKey(server: Server, leaked: string, fresh: object): void
    }
    const { replaceKey } = await functionsOf<Code>('Our key leaked')
    const [leaked, fresh] = [createKey(), createKey()]
    await open({ signingKeys: [leaked.privateJwk] })
    expect((await stage.sam.fetch(`${resource}/data`)).status).toBe(200)
    replaceKey(stage.aauth, leaked.kid, fresh.privateJwk)
    const jwks = await fetch(`http://127.0.0.1:${stage.port}/.well-known/jwks.json`)
    expect(await jwks.json()).toMatchObject({ keys: [{ kid: fresh.kid }] })
    expect(events.filter(({ name }) => name === 'key-rotation')).toHaveLength(3)
    // The person's server asks for the key that it has not heard of.
    stage.pass(61)
    stage.sam.wallet.clear()
    expect((await stage.sam.fetch(`${resource}/data`)).status).toBe(200)
  })
})

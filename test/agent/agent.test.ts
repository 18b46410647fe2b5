import { createMemoryWallet, type WalletKind } from '@countersign/agent'
import { createKey } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'
import { agentOf, errorOf } from './setting.js'

describe.each(adapters)('@countersign/agent [adapter %s]', (adapter) => {
  let stage: Stage
  beforeEach(async () => {
    stage = await openStage(adapter)
  })
  afterEach(() => stage.close())

  const agent = (options: Parameters<typeof agentOf>[1] = {}) =>
    agentOf(stage.town, { person: stage.mom, ...options })
  const approve = ({ link }: { readonly link: string }) =>
    stage.town.visit(link, { form: { username: 'mom', password: 'mom' }, decision: 'approve' })
  const bodyOf = async (response: Promise<Response>): Promise<unknown> => (await response).json()

  const tokenRequests = () => {
    const kinds = stage.town.ps.issued.map(({ typ }) => typ)
    const count = (typ: string) => kinds.filter((kind) => kind === typ).length
    return { person: count('aa-person+jwt'), auth: count('aa-auth+jwt') }
  }

  it('brings what each route requires', async () => {
    const sam = agent()
    expect(await bodyOf(sam.fetch(`${resource}/agent`))).toMatchObject({
      kind: 'agent',
      agent: 'aauth:sam@ap.example',
    })
    expect(await bodyOf(sam.fetch(`${resource}/person`))).toMatchObject({ kind: 'person' })
    expect(await bodyOf(sam.fetch(`${resource}/data`))).toMatchObject({ kind: 'grant', scope: ['data.read'] })
    expect((await sam.fetch(`${resource}/nowhere`)).status).toBe(404)
  })

  it('steps up, and keeps what it has got', async () => {
    const sam = agent()
    await sam.fetch(`${resource}/data`)
    expect((await sam.fetch(`${resource}/data`, { method: 'DELETE' })).status).toBe(200)
    const mint = stage.town.ps.mintAuthToken
    stage.town.ps.mintAuthToken = () => Promise.reject(new Error('there is one already'))
    expect((await sam.fetch(`${resource}/data`)).status).toBe(200)
    stage.town.ps.mintAuthToken = mint
  })

  it.each([
    ['text', () => 'milk', 4],
    ['bytes', () => new Uint8Array([1, 2, 3]), 3],
    ['a form', () => new URLSearchParams({ a: 'b' }), 3],
    ['a stream', () => new Blob(['one', 'two']).stream(), 6],
    ['nothing at all', () => '', 0],
  ])('covers content-digest and content-type of %s', async (_, body, bytes) => {
    const init = { method: 'POST', body: body(), duplex: 'half' } as RequestInit
    expect(await bodyOf(agent().fetch(`${resource}/digest`, init))).toEqual({ bytes })
  })

  it('brings the auth token to a held call, and carries it out once', async () => {
    const sam = agent()
    const hold = async () => {
      const response = await sam.fetch(`${resource}/held`, { method: 'POST', body: '{}' })
      return ((await response.json()) as { execution: number }).execution
    }
    // The target counts for all tests of its process.
    const first = await hold()
    expect(await hold()).toBe(first + 1)
  })

  it('begins a session, and makes the request again with it', async () => {
    const sam = agent({ onInteraction: approve })
    for (const _ of [1, 2])
      expect(await bodyOf(sam.fetch(`${resource}/session`))).toMatchObject({ kind: 'session', user: 'mom' })
  })

  it('says which page has to be opened when it can open none, and goes on afterwards', async () => {
    const sam = agent()
    const error = await errorOf(sam.fetch(`${resource}/session`))
    expect([error.code, error.status, error.interaction?.url]).toEqual([
      'interaction_required',
      202,
      expect.stringMatching(/^https:\/\/rs\.example\/aauth\/interact\//),
    ])
    await approve(error.interaction as { link: string })
    // As it would come out of a store.
    const unfinished = JSON.parse(JSON.stringify(error.unfinished))
    expect((await sam.resume(unfinished))?.status).toBe(200)
    expect(await bodyOf(sam.fetch(`${resource}/session`))).toMatchObject({ kind: 'session' })
  })

  it('goes on with a token request that the person decides, in another process', async () => {
    const dad = stage.town.person('dad', { consent: () => ({ decision: true, after: 'visit' as const }) })
    const townKey = createKey()
    const wallet = createMemoryWallet()
    const sam = agentOf(stage.town, { person: dad, townKey, capabilities: ['interaction'] })
    const error = await errorOf(sam.fetch(`${resource}/data`))
    expect([error.code, error.unfinished?.kind]).toEqual(['interaction_required', 'auth'])
    const other = agentOf(stage.town, { person: dad, townKey, wallet, capabilities: ['interaction'] })
    const resumed = other.resume(JSON.parse(JSON.stringify(error.unfinished)))
    await stage.town.fetch(error.interaction?.link as string)
    expect(await resumed).toBeUndefined()
    expect(await wallet.get('auth', resource)).toContain('.')
    expect(await bodyOf(other.fetch(`${resource}/data`))).toMatchObject({ kind: 'grant' })
  })

  it('keeps its tokens in the wallet it was given', async () => {
    const kept = new Map<string, string>()
    const wallet = {
      get: async (kind: WalletKind, of: string) => kept.get(`${kind} ${of}`),
      set: async (kind: WalletKind, of: string, value: string) => void kept.set(`${kind} ${of}`, value),
      delete: async (kind: WalletKind, of: string) => void kept.delete(`${kind} ${of}`),
    }
    const sam = agent({ wallet })
    await sam.fetch(`${resource}/data`)
    expect([...kept.keys()].sort()).toEqual([`agent `, `auth ${resource}`, `person ${resource}`])
    await sam.forget(resource)
    expect([...kept.keys()]).toEqual(['agent '])
  })

  it('presents no token of a key that it had before', async () => {
    const wallet = createMemoryWallet()
    await agent({ wallet }).fetch(`${resource}/data`)
    const before = stage.town.ledger.length
    await wallet.delete('agent', '')
    expect((await agent({ wallet }).fetch(`${resource}/data`)).status).toBe(200)
    const errors = stage.town.ledger.slice(before).map(({ outcome }) => outcome)
    expect(errors).not.toContain('invalid_signature')
  })

  it('asks nobody twice for what several requests need at once', async () => {
    const sam = agent()
    const responses = await Promise.all([1, 2, 3, 4, 5].map(() => sam.fetch(`${resource}/data`)))
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(tokenRequests()).toEqual({ person: 1, auth: 1 })
  })

  it('asks again for the others when the request that asked gives up', async () => {
    const sam = agent()
    const abort = new AbortController()
    const { ps } = stage.town
    const mint = ps.mintPersonToken.bind(ps)
    ps.mintPersonToken = (request) => {
      ps.mintPersonToken = mint
      abort.abort(new Error('enough'))
      return mint(request)
    }
    const first = sam.fetch(`${resource}/person`, { signal: abort.signal })
    const others = [1, 2].map(() => sam.fetch(`${resource}/person`))
    await expect(first).rejects.toThrow('enough')
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200])
  })

  it('asks for a new agent token when the old one runs out', async () => {
    const asked: unknown[] = []
    const key = createKey()
    const sam = agent({
      townKey: key,
      agentToken: ({ publicJwk }) => {
        asked.push(publicJwk)
        return stage.town.ap.mintAgentToken({ name: 'sam', cnf: key.cnf, ps: stage.mom.ps, lifetime: 3600 })
      },
    })
    await sam.fetch(`${resource}/agent`)
    await sam.fetch(`${resource}/agent`)
    expect(asked).toEqual([key.publicJwk])
    stage.pass(3301)
    expect((await sam.fetch(`${resource}/agent`)).status).toBe(200)
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['of the person server', 'https://ps.example', '/person'],
    ['of the resource', resource, '/agent'],
  ])('has a new agent token when one is refused, by the word %s', async (_, at, path) => {
    const key = createKey()
    const given: string[] = []
    const sam = agent({
      townKey: key,
      agentToken: async () => {
        const overrides = given.length === 0 ? { header: { kid: 'unheard-of' } } : {}
        const claims = { name: 'sam', cnf: key.cnf, ps: stage.mom.ps }
        given.push(await stage.town.ap.mintAgentToken(claims, overrides))
        return given.at(-1) as string
      },
    })
    const error =
      at === resource ? (await sam.fetch(`${resource}${path}`)).status : await sam.fetchPersonToken(resource)
    expect(error).toEqual(at === resource ? 200 : expect.stringContaining('.'))
    expect(given).toHaveLength(2)
  })

  it('signs with an external signer', async () => {
    const key = createKey('ES256')
    const sam = agent({
      townKey: key,
      key: { publicJwk: key.publicJwk, sign: async (data: Uint8Array) => key.sign(data) },
    })
    expect((await sam.fetch(`${resource}/data`)).status).toBe(200)
  })

  it('takes a Request, and gives its headers on', async () => {
    const request = new Request(`${resource}/data`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'text/x' },
    })
    expect(await bodyOf(agent().fetch(request))).toMatchObject({ bytes: 1 })
  })
})

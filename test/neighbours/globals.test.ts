import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type AAuthEvent, createMemoryStore, type ResourceServer, type Store } from '@countersign/core'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { sendRaw } from '../wire/socket.js'

// What is global is looked at when it is needed: tests put clocks in its place after the start, applications another
// `Promise`, and what they hand us may be any thenable.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Running {
  readonly port: number
  readonly aauth: Pick<ResourceServer, 'pending'>
  close(): unknown
}

/** `/open` needs an agent, `POST /covered` its content covered, `/held` an approval. */
async function start(adapter: string, options: Parameters<typeof expressAauth>[0], ids: string[]) {
  const covered = { identity: 'agent', components: ['content-type', 'content-digest'] } as const
  const held = {
    identity: 'agent',
    policy: () => thenable({ verdict: 'approval', ask: ({ id }: { id: string }) => thenable(ids.push(id)) }),
  } as const
  if (adapter === 'fastify') {
    const app = fastify({ forceCloseConnections: true })
    await app.register(fastifyAauth, options as never)
    app.get('/open', { config: { aauth: 'agent' } }, async () => 'in')
    app.post('/covered', { config: { aauth: covered } }, async ({ body }) => body)
    app.get('/held', { config: { aauth: held as never } }, async () => 'done')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return { port, aauth: app.aauth as never, close: () => app.close() } satisfies Running
  }
  const framework = adapter === 'express' ? express : (express4 as unknown as typeof express)
  const guard = expressAauth(options)
  const app = framework()
  app.use(guard.endpoints())
  app.get('/open', guard.require('agent'), (_req, res) => void res.send('in'))
  app.post('/covered', guard.require(covered), framework.json(), (req, res) => void res.json(req.body))
  app.get('/held', guard.require(held as never), (_req, res) => void res.send('done'))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, aauth: guard.server as never, close } as Running
}

/** A thenable that is no promise, such as other libraries make. */
function thenable<T>(value: T): PromiseLike<T> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
    then: (resolved, rejected) => Promise.resolve(value).then(resolved, rejected),
  }
}

const thenableStore = (store: Store): Store => ({
  get: (key) => thenable(store.get(key)) as never,
  put: (key, value, ttl) => thenable(store.put(key, value, ttl)) as never,
  claim: (key, value, ttl) => thenable(store.claim(key, value, ttl)) as never,
  delete: (key) => thenable(store.delete(key)) as never,
})

describe.each(adapters)('what is global, and put in its place later [adapter %s]', (adapter) => {
  let town: Town
  let sam: Agent
  let running: Running
  let ids: string[]
  beforeEach(async () => {
    ids = []
    town = await createTown()
    sam = town.agent('sam')
  })
  afterEach(async () => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
    await running.close()
    await town.close()
    vi.restoreAllMocks()
  })

  const signed = (path: string, body?: string): Promise<WireRequest> =>
    sam.sign(
      body === undefined
        ? { url: `${resource}${path}` }
        : {
            method: 'POST',
            url: `${resource}${path}`,
            headers: { 'Content-Type': 'application/json' },
            body,
          },
    )
  const send = async (request: WireRequest): Promise<[number, string]> => {
    const { status, body } = await sendRaw(running.port, request)
    return [status, body]
  }

  /** One request of every kind, and as many at once as go to the thread pool. */
  const useAll = async (): Promise<void> => {
    expect(await send(await signed('/open'))).toEqual([200, 'in'])
    expect(await send(await signed('/covered', '{"bread":2}'))).toEqual([200, '{"bread":2}'])
    const many = await Promise.all(Array.from({ length: 12 }, () => signed('/open')))
    for (const answer of await Promise.all(many.map(send))) expect(answer).toEqual([200, 'in'])
    const held = await sendRaw(running.port, await signed('/held'))
    expect(held.status).toBe(202)
    await running.aauth.pending.approve(ids.at(-1) ?? '')
    expect(await send(await signed(new URL(held.headers['location'] ?? '', resource).pathname))).toEqual([
      200,
      'done',
    ])
  }

  it.each([
    ['the clock', ['Date', 'performance']],
    ['timers', ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval']],
    ['all that vitest does', undefined],
  ] as const)('a test stops %s after the start', async (_name, toFake) => {
    running = await start(adapter, { resource, fetch: town.fetch }, ids)
    vi.useFakeTimers(toFake === undefined ? {} : { toFake: [...toFake] })
    await useAll()
  })

  it('an hour that passes on a clock put in place later has passed here', async () => {
    running = await start(adapter, { resource, fetch: town.fetch }, ids)
    const request = await signed('/open')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    expect((await send(request))[0]).toBe(401)
    vi.useRealTimers()
    expect(await send(request)).toEqual([200, 'in'])
  })

  it('timers whose handles are numbers, as those of browsers are', async () => {
    let last = 0
    const timers = new Map<number, NodeJS.Timeout>()
    const { setTimeout: set, clearTimeout: clear } = globalThis
    const own = (callback: () => void, ms?: number): number => {
      timers.set(++last, set(callback, ms).unref())
      return last
    }
    vi.stubGlobal('setTimeout', own)
    vi.stubGlobal('clearTimeout', (timer: number | NodeJS.Timeout | undefined) => {
      clear(typeof timer === 'number' ? timers.get(timer) : timer)
    })
    running = await start(adapter, { resource, fetch: town.fetch }, ids)
    await useAll()
    expect(last).toBeGreaterThan(0)
  })

  it('another Promise', async () => {
    running = await start(adapter, { resource, fetch: town.fetch }, ids)
    class Other<T> extends Promise<T> {}
    vi.stubGlobal('Promise', Other)
    await useAll()
  })

  it('a store, a fetch and a clock of somebody else’s: thenables that are no promises', async () => {
    const store = thenableStore(createMemoryStore({ maxEntries: 1000 }))
    const fetch = ((...args: Parameters<typeof town.fetch>) => thenable(town.fetch(...args))) as never
    running = await start(adapter, { resource, fetch, store }, ids)
    await useAll()
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    [
      'rejects later',
      async () => {
        throw new Error('mine')
      },
    ],
    [
      'gives a thenable that rejects',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
        then: (_resolved: unknown, rejected: (cause: Error) => void) => rejected(new Error('mine')),
      }),
    ],
    [
      'gives something whose `then` throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
        get then(): never {
          throw new Error('mine')
        },
      }),
    ],
  ] as const)('an onEvent that %s decides nothing, and ends nothing', async (_name, listener) => {
    const unhandled: unknown[] = []
    const note = (cause: unknown): void => void unhandled.push(cause)
    process.on('unhandledRejection', note)
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const onEvent = listener as unknown as (event: AAuthEvent) => void
      running = await start(adapter, { resource, fetch: town.fetch, onEvent }, ids)
      await useAll()
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
      expect(warn).toHaveBeenCalledWith('onEvent threw: Error: mine', { code: 'AAUTH_ON_EVENT' })
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})

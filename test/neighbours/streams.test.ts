import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request as openRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createMemoryStore, type ResourceOptions, type ResourceServer, type Store } from '@countersign/core'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { pageOf, replaced, sectionOf } from '../operations/page.js'

// The examples of docs/websocket-sse.md, run as they stand but for the options and the port.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const page = pageOf('websocket-sse')
const folder = fileURLToPath(new URL('../dist/streams/', import.meta.url))
const blocks = (text: string): string[] =>
  [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string)
const [watch = ''] = blocks(page)
const streams = globalThis as { countersignStreams?: ResourceOptions }

interface Running {
  readonly port: number
  readonly aauth: ResourceServer
  close(): unknown
}

/** Runs an example with the function `watch` of the page, which looks every 20 ms here. */
async function run(name: string, code: string, options: ResourceOptions): Promise<Running> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}watch.ts`, watch)
  const isFastify = code.includes("from 'fastify'")
  const declaration = /^declare const watch: .*$/m.exec(code)?.[0] as string
  const text = replaced(code, [
    [
      declaration,
      "import { watch as look } from './watch.ts'\nconst watch = (server, by, end) => look(server, by, end, 20)",
    ],
    ["{ resource: 'https://notes.example' }", 'globalThis.countersignStreams'],
    ...(code.includes('.listen(3000)') ? ([['.listen(3000)', ".listen(0, '127.0.0.1')"]] as const) : []),
  ])
  const file = `${folder}${name}.ts`
  const hasServer = code.includes('const server =')
  writeFileSync(
    file,
    `// @ts-nocheck\n${text}\nexport { app${isFastify ? '' : ', guard'}${hasServer ? ', server' : ''} }\n`,
  )
  streams.countersignStreams = options
  const made = (await import(/* @vite-ignore */ `${pathToFileURL(file).href}?${Date.now()}`)) as {
    readonly app: FastifyInstance & { listen(port: number, host: string): Server }
    readonly guard: { readonly server: ResourceServer }
    readonly server?: Server
  }
  if (isFastify) {
    await made.app.listen({ port: 0, host: '127.0.0.1' })
    return {
      port: (made.app.server.address() as AddressInfo).port,
      aauth: made.app.aauth as never,
      close: () => made.app.close(),
    }
  }
  const server = made.server ?? made.app.listen(0, '127.0.0.1')
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    aauth: made.guard.server,
    close: () => {
      made.guard.server.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

const [expressSse = '', fastifySse = ''] = blocks(sectionOf(page, '## Server-sent events'))
const [expressSocket = ''] = blocks(sectionOf(page, '## WebSocket in Express'))
const [fastifySocket = ''] = blocks(sectionOf(page, '## WebSocket in Fastify'))

/** A connection of a client: what it has received, and when it has ended. */
interface Connected {
  readonly status: number
  readonly received: string[]
  readonly ended: Promise<void>
  /** Sends on a WebSocket, and resolves with what comes back. */
  ask?(text: string): Promise<string>
  close(): void
}
type Connect = (port: number, headers: Record<string, string>) => Promise<Connected>

const overSocket: Connect = (port, headers) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers })
    const received: string[] = []
    const ended = new Promise<void>((end) => socket.once('close', () => end()))
    const connected = { received, ended, close: () => socket.terminate() }
    socket.on('message', (data) => received.push(String(data)))
    socket.on('unexpected-response', (_request, { statusCode = 0 }) =>
      resolve({ ...connected, status: statusCode }),
    )
    socket.on('error', reject)
    const ask = async (text: string): Promise<string> => {
      socket.send(text)
      const [data] = (await once(socket, 'message')) as [unknown]
      return String(data)
    }
    socket.on('open', () => resolve({ ...connected, status: 101, ask }))
  })

const overEvents: Connect = async (port, headers) => {
  const outgoing = openRequest({ host: '127.0.0.1', port, path: '/events', headers }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const received: string[] = []
  // That is how the client's own end looks.
  incoming.on('error', () => {})
  incoming.on('data', (data: Buffer) => received.push(String(data)))
  return {
    status: incoming.statusCode as number,
    received,
    ended: new Promise<void>((end) => incoming.once('end', () => end())),
    close: () => outgoing.destroy(),
  }
}

describe.each([
  ['a WebSocket, Express', expressSocket, '/socket', overSocket],
  ['a WebSocket, Fastify', fastifySocket, '/socket', overSocket],
  ['an event stream, Express', expressSse, '/events', overEvents],
  ['an event stream, Fastify', fastifySse, '/events', overEvents],
] as const)('%s', (name, code, path, connect) => {
  let town: Town
  let sam: Agent
  let running: Running
  const opened: Connected[] = []
  beforeAll(async () => {
    town = await createTown()
  })
  afterAll(() => town.close())
  afterEach(async () => {
    for (const connected of opened.splice(0)) connected.close()
    await running.close()
  })
  const start = async (options: Partial<ResourceOptions> = {}): Promise<void> => {
    sam = town.agent('sam')
    running = await run(name.replaceAll(/\W/g, '-'), code, {
      resource: 'https://notes.example',
      fetch: town.fetch,
      ...options,
    })
  }
  const open = async (token?: string): Promise<Connected> => {
    const { rawHeaders } = await sam.sign(
      { url: `https://notes.example${path}` },
      token === undefined ? {} : { token },
    )
    const headers: Record<string, string> = {}
    for (let i = 0; i < rawHeaders.length; i += 2)
      headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string
    const connected = await connect(running.port, headers)
    opened.push(connected)
    return connected
  }

  it('is for callers that the guard lets in', async () => {
    await start()
    const refused = await connect(running.port, { Host: 'notes.example' })
    opened.push(refused)
    expect(refused.status).toBe(401)
    const connected = await open()
    if (connected.ask === undefined)
      await expect.poll(() => connected.received.join('')).toContain(`hello ${sam.identifier}`)
    else expect(await connected.ask('hello')).toBe(`${sam.identifier}: hello`)
  })

  it('ends when its caller is denied, and not for others', async () => {
    await start()
    const connected = await open()
    await running.aauth.denials.add({ subject: { key: town.agent('kim').key.jkt } })
    await running.aauth.denials.add({ subject: { key: sam.key.jkt } })
    await connected.ended
    expect((await open()).status).toBe(403)
  })

  it('ends when its token is revoked', async () => {
    await start()
    const token = await sam.mintAgentToken({ claims: { jti: 'taken-back' } })
    const connected = await open(token)
    const exp = Math.floor(Date.now() / 1000) + 600
    await running.aauth.revocations.record({ iss: 'https://ap.example', jti: 'taken-back', exp })
    await connected.ended
    expect((await open(token)).status).toBe(401)
  })

  it('ends when the store cannot be asked', async () => {
    const memory = createMemoryStore()
    let isDown = false
    const orFail = <V>(value: V): V => {
      if (isDown) throw new Error('down')
      return value
    }
    const store: Store = {
      get: (key) => orFail(memory.get(key)),
      put: (key, value, ttl) => memory.put(key, value, ttl),
      claim: (key, value, ttl) => memory.claim(key, value, ttl),
      delete: (key) => memory.delete(key),
    }
    await start({ store })
    const connected = await open()
    isDown = true
    await connected.ended
  })

  it('ends with its token', async () => {
    await start()
    const now = Math.floor(Date.now() / 1000)
    const connected = await open(await sam.mintAgentToken({ claims: { iat: now - 10, exp: now + 1 } }))
    await connected.ended
    expect(Date.now()).toBeGreaterThanOrEqual((now + 1) * 1000)
  })

  it('goes on while its caller is welcome', async () => {
    let looks = 0
    const memory = createMemoryStore()
    const store: Store = {
      get: (key) => {
        looks++
        return memory.get(key)
      },
      put: (key, value, ttl) => memory.put(key, value, ttl),
      claim: (key, value, ttl) => memory.claim(key, value, ttl),
      delete: (key) => memory.delete(key),
    }
    await start({ store })
    const connected = await open()
    let ended = false
    void connected.ended.then(() => (ended = true))
    const before = looks
    await expect.poll(() => looks - before).toBeGreaterThan(6)
    expect(ended).toBe(false)
    connected.close()
    // Nobody looks any more when it has closed: five looks' time without one.
    let last = -1
    const isQuiet = (): boolean => {
      const quiet = looks === last
      last = looks
      return quiet
    }
    await expect.poll(isQuiet, { interval: 100 }).toBe(true)
  })
})

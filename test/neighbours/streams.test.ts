import { createMemoryStore, type ResourceOptions, type Store } from '@countersign/core'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RunningExample } from '../operations/example.js'
import { type Connected, streamExamples } from '../operations/stream-examples.js'
import { fieldsOf } from './gateway.js'

// The examples of docs/websocket-sse.md, run as they stand but for the options and the port.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(streamExamples)('$name', ({ path, connect, run }) => {
  let town: Town
  let sam: Agent
  let running: RunningExample
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
    running = await run({ resource: 'https://notes.example', fetch: town.fetch, ...options })
  }
  const open = async (token?: string): Promise<Connected> => {
    const request = await sam.sign(
      { url: `https://notes.example${path}` },
      token === undefined ? {} : { token },
    )
    const connected = await connect(running.port, fieldsOf(request))
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
    const connected = await open(await sam.mintAgentToken({ claims: { iat: now - 10, exp: now + 3 } }))
    expect(connected.status).toBeLessThan(300)
    await connected.ended
    expect(Date.now()).toBeGreaterThanOrEqual((now + 3) * 1000)
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

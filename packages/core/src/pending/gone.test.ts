import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Host } from '../http/endpoint.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'

describe('a long poll', () => {
  afterEach(() => vi.useRealTimers())

  it('leaves no listener on the connection when the store fails', async () => {
    const memory = createMemoryStore({ clock: () => now * 1000 })
    let fails = false
    const store: Store = {
      get: (key) => (fails ? Promise.reject(new Error('down')) : memory.get(key)),
      put: (...args) => memory.put(...args),
      claim: (...args) => memory.claim(...args),
      delete: (key) => memory.delete(key),
    }
    const server = testResource({ store })
    const agent = await token('aa-agent+jwt')
    const guard = server.require({
      identity: 'agent',
      policy: () => ({ verdict: 'approval', ask: () => undefined }),
    })
    const deferred = await guard.check(await signed(agent))
    if (deferred.served) throw new Error('served')
    const { Location: location = '' } = deferred.answer.headers
    const listeners = new Set<() => void>()
    const host: Host = {
      onGone(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const target = new URL(location).pathname
    const poll = await signed(
      agent,
      {},
      { method: 'GET', target, rawHeaders: ['Host', 'rs.example', 'Prefer', 'wait=5'] },
    )
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const answer = Promise.resolve(server.handle(poll, host))
    for (let i = 0; listeners.size === 0 && i < 1000; i++) await new Promise(setImmediate)
    expect(listeners.size).toBe(1)
    fails = true
    await vi.advanceTimersByTimeAsync(1500)
    expect((await answer)?.status).toBe(503)
    expect(listeners.size).toBe(0)
  })
})

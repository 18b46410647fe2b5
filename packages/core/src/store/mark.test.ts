import { beforeEach, describe, expect, it } from 'vitest'
import type { PresentedToken } from '../caller.js'
import { createRevocations, type RevocationRecords, revokedMarkKey } from '../revocation/revocations.js'
import { createMemoryStore } from './memory-store.js'
import type { Store } from './store.js'

const token: PresentedToken = { iss: 'https://ps.example', jti: 'one', iat: 0, exp: 3600 }
const revocation = { iss: token.iss, jti: token.jti, exp: 3600 }
const clock = (): number => 0
let memory: Store
let reads: string[]
let failing: string | undefined
let connected: (() => void) | undefined

/** Another instance that shares the store. */
const instance = (): RevocationRecords =>
  createRevocations(
    {
      get(key) {
        reads.push(key)
        return memory.get(key)
      },
      put(key, value, ttl) {
        if (failing !== undefined && key.startsWith(failing)) throw new Error('connection lost')
        return memory.put(key, value, ttl)
      },
      claim(key, value, ttl) {
        if (failing !== undefined && key.startsWith(failing)) throw new Error('connection lost')
        return memory.claim(key, value, ttl)
      },
      delete: (key) => memory.delete(key),
      onConnected(listener) {
        connected = listener
      },
    },
    clock,
  )
const check = async (revocations: RevocationRecords): Promise<boolean> =>
  revocations.under(await revocations.mark(), token)

beforeEach(() => {
  memory = createMemoryStore({ clock })
  reads = []
  failing = undefined
})

describe('a mark for negative lookups', () => {
  it('saves lookups only while it stays the same', async () => {
    const [here, there] = [instance(), instance()]
    // There is none yet, so this lookup sets one.
    expect(await check(here)).toBe(false)
    expect(await check(here)).toBe(false)
    reads = []
    expect(await check(here)).toBe(false)
    expect(reads).toEqual([revokedMarkKey])
    await there.record(revocation)
    expect(await check(here)).toBe(true)
  })

  it('is ignored after another token was revoked', async () => {
    const [here, there] = [instance(), instance()]
    await check(here)
    await check(here)
    await there.record({ ...revocation, jti: 'another' })
    reads = []
    expect(await check(here)).toBe(false)
    expect(reads).toHaveLength(2)
  })

  it('does not cover earlier reads: an entry written in between is found', async () => {
    const [here, there] = [instance(), instance()]
    await check(here)
    const before = await here.mark()
    await there.record(revocation)
    expect(await here.under(before, token)).toBe(true)
  })

  it('changes when an interrupted revocation is repeated', async () => {
    const [here, there] = [instance(), instance()]
    await check(here)
    expect(await check(here)).toBe(false)
    failing = revokedMarkKey
    await expect(async () => there.record(revocation)).rejects.toThrow('connection lost')
    failing = undefined
    await there.record(revocation)
    expect(await check(here)).toBe(true)
  })

  it('is not needed: if none can be set, every token is looked up', async () => {
    const here = instance()
    failing = revokedMarkKey
    expect(await check(here)).toBe(false)
    await memory.put('revoked:https://ps.example/one', '3600', 60)
    expect(await check(here)).toBe(true)
  })

  it('is dropped after a new connection: a primary that took over may have lost it', async () => {
    const here = instance()
    await check(here)
    expect(await check(here)).toBe(false)
    // The entry was replicated, the mark after it was not.
    await memory.put('revoked:https://ps.example/one', '3600', 60)
    connected?.()
    expect(await check(here)).toBe(true)
  })
})

describe('an earlier mark that returns', () => {
  /** The mark of an empty list, under which `token` is known to be absent. */
  const known = async (here: RevocationRecords): Promise<string> => {
    await here.record({ ...revocation, jti: 'another' })
    expect([await check(here), await check(here)]).toEqual([false, false])
    return memory.get(revokedMarkKey) as string
  }

  it('means nothing to a process that has read another one in between', async () => {
    const [here, there] = [instance(), instance()]
    const earlier = await known(here)
    await there.record(revocation)
    await here.under(await here.mark(), { ...token, jti: 'somebody else' })
    await memory.put(revokedMarkKey, earlier, 60)
    expect(await check(here)).toBe(true)
    expect(await here.under(earlier, { ...token, jti: 'somebody else' })).toBe(false)
  })

  it('means nothing to a process that has found none in between', async () => {
    const here = instance()
    const earlier = await known(here)
    await memory.delete(revokedMarkKey)
    failing = revokedMarkKey
    expect(await check(here)).toBe(false)
    failing = undefined
    await memory.put('revoked:https://ps.example/one', '3600', 60)
    await memory.put(revokedMarkKey, earlier, 60)
    expect(await check(here)).toBe(true)
  })

  it('is replaced as soon as the process whose write got no answer has a connection again', async () => {
    for (const outcome of ['rejected', 'under way'] as const) {
      memory = createMemoryStore({ clock })
      // Its client has sent it, and it took effect; the connection was lost before the answer.
      let sendAgain = (): void => {}
      let connect = (): void => {}
      let answer = (): void => {}
      let lost = true
      const far = createRevocations(
        {
          get: async (key) => memory.get(key),
          async put(key, value, ttl) {
            await memory.put(key, value, ttl)
            if (!lost || key !== revokedMarkKey) return
            sendAgain = () => void memory.put(key, value, ttl)
            if (outcome === 'rejected') throw new Error('no answer in time')
            await new Promise<void>((resolve) => {
              answer = resolve
            })
          },
          claim: async (key, value, ttl) => memory.claim(key, value, ttl),
          delete: async (key) => memory.delete(key),
          onConnected(listener) {
            connect = listener
          },
        },
        clock,
      )
      const here = instance()
      const recording = Promise.resolve(far.record({ ...revocation, jti: 'another' }))
      const recorded = recording.catch(() => 'rejected')
      if (outcome === 'rejected') expect(await recorded).toBe('rejected')
      else await new Promise((resolve) => void setImmediate(resolve))
      const earlier = await memory.get(revokedMarkKey)
      expect([await check(here), await check(here)]).toEqual([false, false])
      await instance().record(revocation)
      sendAgain()
      // Until then it is as if nothing had been recorded since.
      expect(await memory.get(revokedMarkKey)).toBe(earlier)
      lost = false
      connect()
      answer()
      await recorded
      await new Promise((resolve) => void setImmediate(resolve))
      expect(await check(here)).toBe(true)
      // And it does not change with every later connection.
      const changed = await memory.get(revokedMarkKey)
      connect()
      await new Promise((resolve) => void setImmediate(resolve))
      expect(await memory.get(revokedMarkKey)).toBe(changed)
    }
  })
})

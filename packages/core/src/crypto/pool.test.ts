import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Refusal } from '../errors.js'
import { newKey } from '../testing/party.js'
import type { Algorithm } from './algorithms.js'
import { importPublicJwk, type VerificationKey } from './keys.js'
import { createVerify } from './verify.js'

const data = Buffer.from('bread')
const signer = newKey('Ed25519')
const signature = signer.sign(data) as Uint8Array
const real = importPublicJwk(signer.publicJwk) as VerificationKey

/** A key whose thread pool answers when the test says so. */
function pooled() {
  const queue: (() => void)[] = []
  let inLoop = 0
  const algorithm: Algorithm = {
    ...real.algorithm,
    verify: (...given) => {
      inLoop++
      return real.algorithm.verify(...given)
    },
    verifyLater: (key, content, signed, done) => {
      queue.push(() => done(real.algorithm.verify(key, content, signed)))
    },
  }
  return {
    key: { ...real, algorithm } as VerificationKey,
    /** Verifications that the pool has not answered. */
    asked: () => queue.length,
    /** Those that ran in the loop. */
    inLoop: () => inLoop,
    answer: (count = queue.length) => {
      for (const done of queue.splice(0, count)) done()
    },
  }
}

/** Lets time pass, and the turn of the loop after it. */
async function pass(milliseconds: number): Promise<void> {
  vi.advanceTimersByTime(milliseconds)
  await turn()
}

describe('a thread pool that others fill', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
  afterEach(() => void vi.useRealTimers())

  it('is waited for as long as it may take, and what waits longer is verified in the loop', async () => {
    const pool = pooled()
    const verify = createVerify()
    expect(verify(pool.key, data, signature)).toBe(true)
    const waiting = Array.from({ length: 20 }, () => verify(pool.key, data, signature))
    expect(pool.asked()).toBe(20)
    await pass(49)
    expect(pool.inLoop()).toBe(1)
    await pass(2)
    expect(await Promise.all(waiting)).toEqual(Array(20).fill(true))
    expect(pool.inLoop()).toBe(21)
    // Late answers change nothing: they were given.
    pool.answer()
    expect(await Promise.all(waiting)).toEqual(Array(20).fill(true))
  })

  it('takes them back a millisecond of work at a time', async () => {
    const pool = pooled()
    const verify = createVerify()
    for (let i = 0; i < 21; i++) void verify(pool.key, data, signature)
    await pass(51)
    expect(pool.inLoop()).toBe(9)
    await turn()
    expect(pool.inLoop()).toBe(17)
    await turn()
    expect(pool.inLoop()).toBe(21)
  })

  it('gets nothing more until it answers in time, and one question to find that out', async () => {
    const pool = pooled()
    const verify = createVerify()
    for (let i = 0; i < 3; i++) void verify(pool.key, data, signature)
    await pass(51)
    expect(pool.asked()).toBe(2)
    for (let i = 0; i < 5; i++) expect(verify(pool.key, data, signature)).toBe(true)
    expect(pool.asked()).toBe(3)

    // Late again: another question, in the loop still.
    await pass(600)
    pool.answer()
    await turn()
    for (let i = 0; i < 5; i++) expect(verify(pool.key, data, signature)).toBe(true)
    expect(pool.asked()).toBe(1)

    // In time, though the loop was blocked for longer and hears of it late: back to the pool.
    vi.advanceTimersByTime(500)
    pool.answer()
    await turn()
    expect(verify(pool.key, data, signature)).toBe(true)
    expect(verify(pool.key, data, signature)).toBeInstanceOf(Promise)
    pool.answer()
  })

  it('is late still when a signature is refused without it', async () => {
    const pool = pooled()
    const verify = createVerify()
    for (let i = 0; i < 3; i++) void verify(pool.key, data, signature)
    await pass(51)
    // A point of small order is refused before the thread pool is asked.
    const small = Buffer.alloc(64)
    for (let i = 0; i < 3; i++) expect(verify(real, data, small)).toBe(false)
    for (let i = 0; i < 3; i++) expect(verify(pool.key, data, signature)).toBe(true)
    expect(pool.asked()).toBe(3)
    pool.answer()
  })

  it('is not late because we ourselves gave it much to do', async () => {
    const pool = pooled()
    const verify = createVerify()
    const waiting = Array.from({ length: 101 }, () => verify(pool.key, data, signature))
    for (let i = 0; i < 10; i++) {
      pool.answer(10)
      await pass(4)
    }
    expect(await Promise.all(waiting)).toEqual(Array(101).fill(true))
    expect(pool.inLoop()).toBe(1)
    expect(verify(pool.key, data, signature)).toBe(true)
    expect(verify(pool.key, data, signature)).toBeInstanceOf(Promise)
    pool.answer()
  })

  it('is not late because the loop was blocked while it answered', async () => {
    const pool = pooled()
    const verify = createVerify()
    void verify(pool.key, data, signature)
    const waiting = verify(pool.key, data, signature)
    // The timer is due, and in the same turn of the loop the answers arrive.
    vi.advanceTimersByTime(500)
    pool.answer()
    await turn()
    expect(await waiting).toBe(true)
    expect(pool.inLoop()).toBe(1)
    expect(verify(pool.key, data, signature)).toBe(true)
    expect(verify(pool.key, data, signature)).toBeInstanceOf(Promise)
    pool.answer()
  })

  it('measures by the monotonic clock', async () => {
    const pool = pooled()
    const verify = createVerify()
    void verify(pool.key, data, signature)
    const waiting = verify(pool.key, data, signature)
    vi.setSystemTime(Date.now() + 3_600_000)
    await pass(5)
    expect(pool.inLoop()).toBe(1)
    vi.setSystemTime(Date.now() - 7_200_000)
    await pass(46)
    expect(await waiting).toBe(true)
    expect(pool.inLoop()).toBe(2)
  })

  it('refuses a bad signature in the loop as in the pool, and hands on what a verification throws', async () => {
    const pool = pooled()
    const verify = createVerify()
    const wrong = Buffer.from('milk')
    const broken: VerificationKey = {
      ...pool.key,
      algorithm: {
        ...pool.key.algorithm,
        verify: () => {
          throw new Error('broken')
        },
      },
    }
    void verify(pool.key, data, signature)
    const refused = verify(pool.key, wrong, signature)
    const failed = Promise.resolve(verify(broken, data, signature)).catch((cause: Error) => cause.message)
    await pass(51)
    expect(await refused).toBe(false)
    expect(await failed).toBe('broken')
    expect(verify(pool.key, wrong, signature)).toBe(false)
  })

  it('holds no more than it may, and has room again when they are taken back', async () => {
    const pool = pooled()
    const verify = createVerify({ maxWaiting: 2 })
    expect(verify(pool.key, data, signature)).toBe(true)
    const waiting = [verify(pool.key, data, signature), verify(pool.key, data, signature)]
    expect((verify(pool.key, data, signature) as Refusal).code).toBe('overloaded')
    await pass(51)
    expect(await Promise.all(waiting)).toEqual([true, true])
    expect(verify(pool.key, data, signature)).toBe(true)
  })

  it('is waited for by whoever asked for threads', async () => {
    const pool = pooled()
    const verify = createVerify({ mode: 'threads' })
    const waiting = verify(pool.key, data, signature)
    await pass(10_000)
    expect(pool.inLoop()).toBe(0)
    pool.answer()
    expect(await waiting).toBe(true)
  })
})

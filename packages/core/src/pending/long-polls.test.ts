import { describe, expect, it } from 'vitest'
import { createLongPolls, preferredWait } from './long-polls.js'

/** Time that the test controls. */
function fakeTime() {
  const sleepers = new Set<() => void>()
  const pause = (_: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        sleepers.delete(wake)
        resolve()
      }
      sleepers.add(wake)
      signal.addEventListener('abort', wake)
    })
  const second = async (): Promise<void> => {
    for (const wake of [...sleepers]) wake()
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  return { pause, second, sleeping: () => sleepers.size }
}

describe('closing', () => {
  it('ends all waits, and later polls do not wait', async () => {
    const time = fakeTime()
    const polls = createLongPolls(10, time.pause)
    const waiting = polls.wait('a', 20, never)
    expect(polls.closed).toBe(false)
    polls.close()
    await waiting
    // A poll that was still being verified.
    await polls.wait('a', 20, never)
    await polls.wait('b', 20, never)
    expect(time.sleeping()).toBe(0)
    expect(polls.closed).toBe(true)
  })
})

const never = async (): Promise<boolean> => false

describe('a long poll', () => {
  it('ends after its seconds', async () => {
    const time = fakeTime()
    let over = false
    const wait = createLongPolls(10, time.pause)
      .wait('a', 3, never)
      .then(() => {
        over = true
      })
    await time.second()
    await time.second()
    expect(over).toBe(false)
    await time.second()
    await wait
    expect(over).toBe(true)
  })

  it('ends when it is woken, and no other does', async () => {
    const time = fakeTime()
    const polls = createLongPolls(10, time.pause)
    const a = polls.wait('a', 30, never)
    void polls.wait('b', 30, never)
    polls.wake('a')
    await a
    expect(time.sleeping()).toBe(1)
    polls.close()
  })

  it('ends within a second of a decision in another process', async () => {
    const time = fakeTime()
    let decided = false
    const wait = createLongPolls(10, time.pause).wait('a', 30, async () => decided)
    decided = true
    await time.second()
    await wait
  })

  it('ends when the client disconnects, and does not begin after that', async () => {
    const time = fakeTime()
    const polls = createLongPolls(10, time.pause)
    const gone = new AbortController()
    const wait = polls.wait('a', 30, never, gone.signal)
    gone.abort()
    await wait
    await polls.wait('a', 30, never, gone.signal)
  })

  it('does not begin beyond the limit', async () => {
    const time = fakeTime()
    const polls = createLongPolls(1, time.pause)
    const first = polls.wait('a', 30, never)
    await polls.wait('b', 30, never)
    polls.wake('a')
    await first
    const again = polls.wait('b', 30, never)
    expect(time.sleeping()).toBe(1)
    polls.close()
    await again
  })
})

describe('Prefer: wait (RFC 7240, 4.3)', () => {
  const read = (...lines: string[]): number =>
    preferredWait({ method: 'GET', target: '/', rawHeaders: lines.flatMap((line) => ['Prefer', line]) }, 30)

  it('is read among other preferences, and limited', () => {
    expect(read('wait=10')).toBe(10)
    expect(read('respond-async, wait=10')).toBe(10)
    expect(read('respond-async', 'Wait = "7"; x=1')).toBe(7)
    expect(read('wait=100000')).toBe(30)
  })

  it('is 0 if absent or malformed', () => {
    for (const line of ['', 'wait', 'wait=', 'wait=-1', 'wait=1.5', 'await=3', 'x="wait=3"', 'wait=9999999'])
      expect([line, read(line)]).toEqual([line, 0])
  })
})

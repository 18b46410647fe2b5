import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AAuthEvent, UntimedEvent } from '../events.js'
import { Deadlines, Inquiry, isYes, NoAnswer } from './deadline.js'

const told: UntimedEvent<AAuthEvent>[] = []
const deadlines = (milliseconds = 2000): Deadlines =>
  new Deadlines(milliseconds, (event) => void told.push(event))
const never = new Promise<never>(() => {})
const inquiryOf = (onGone?: (listener: () => void) => () => void): Inquiry => new Inquiry({ onGone }, '/x')
const outcome = (answer: unknown): Promise<unknown> =>
  Promise.resolve(answer).then(
    (value) => ({ value }),
    (cause: unknown) => ({ cause }),
  )
const codeOf = async (answer: unknown): Promise<unknown> => {
  const { cause } = (await outcome(answer)) as { readonly cause?: unknown }
  return cause instanceof NoAnswer ? cause.refusal.code : cause
}

describe('the time that a function of the application has', () => {
  const unhandled: unknown[] = []
  const note = (cause: unknown): void => void unhandled.push(cause)
  beforeEach(() => {
    vi.useFakeTimers()
    told.length = 0
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    vi.useRealTimers()
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('costs one that answers at once neither timer nor promise nor signal', () => {
    const signals = vi.spyOn(globalThis, 'AbortController')
    try {
      expect(deadlines().ask(inquiryOf(), () => 3, 'policy 0')).toBe(3)
      expect(() =>
        deadlines().ask(
          inquiryOf(),
          () => {
            throw new Error('no')
          },
          'policy 0',
        ),
      ).toThrow('no')
      expect([vi.getTimerCount(), signals.mock.calls.length]).toEqual([0, 0])
    } finally {
      signals.mockRestore()
    }
  })

  it('leaves no timer behind where it answers or throws in time', async () => {
    expect(await deadlines().ask(inquiryOf(), async () => 3, 'x')).toBe(3)
    expect(await outcome(deadlines().ask(inquiryOf(), () => Promise.reject(new Error('no')), 'x'))).toEqual({
      cause: new Error('no'),
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends, tells of it once, and aborts the signal after that', async () => {
    const all = deadlines(50)
    const inquiry = inquiryOf()
    const answer = codeOf(all.ask(inquiry, () => never, 'policy shopHours'))
    vi.advanceTimersByTime(49)
    expect([told, inquiry.signal.aborted, all.late]).toEqual([[], false, 0])
    vi.advanceTimersByTime(1)
    expect(await answer).toBe('policy_unavailable')
    expect([inquiry.signal.aborted, (inquiry.signal.reason as Error).name]).toEqual([true, 'TimeoutError'])
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual([
      { name: 'policy-timeout', function: 'policy shopHours', route: '/x', milliseconds: 50 },
    ])
    expect(all.late).toBe(1)
  })

  it('makes a signal that is aborted where it is read too late', async () => {
    const inquiry = inquiryOf()
    const answer = outcome(deadlines(50).ask(inquiry, () => never, 'x'))
    vi.advanceTimersByTime(50)
    await answer
    expect(inquiry.signal.aborted).toBe(true)
  })

  it.each<[string, (signal: () => AbortSignal) => PromiseLike<unknown>]>([
    ['is fulfilled', () => new Promise((resolve) => setTimeout(resolve, 60, 'late'))],
    ['is rejected', () => new Promise((_, reject) => setTimeout(reject, 60, new Error('late')))],
    [
      'is rejected by the abort',
      (signal) =>
        new Promise((_, reject) => signal().addEventListener('abort', () => reject(signal().reason))),
    ],
    [
      'is no promise, and calls back late',
      // biome-ignore lint/suspicious/noThenProperty: what it is about
      () => ({ then: (done) => setTimeout(() => done?.(undefined as never), 60) as never }),
    ],
  ])('drops what %s too late', async (_name, call) => {
    const inquiry = inquiryOf()
    const answer = codeOf(
      deadlines(50).ask(inquiry, () => call(() => inquiry.signal) as Promise<unknown>, 'x'),
    )
    vi.advanceTimersByTime(50)
    expect(await answer).toBe('policy_unavailable')
    vi.advanceTimersByTime(50)
    expect(told.length).toBe(1)
  })

  it.each<[string, unknown]>([
    [
      'throws in then',
      {
        // biome-ignore lint/suspicious/noThenProperty: what it is about
        then: () => {
          throw new Error('no')
        },
      },
    ],
    [
      'throws when then is read',
      {
        // biome-ignore lint/suspicious/noThenProperty: what it is about
        get then() {
          throw new Error('no')
        },
      },
    ],
  ])('is no pass for an object that %s', async (_name, thenable) => {
    const ask = async (): Promise<unknown> =>
      deadlines().ask(inquiryOf(), () => thenable as Promise<never>, 'x')
    expect(await outcome(ask())).toEqual({ cause: new Error('no') })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is as long as it takes where the option is 0', async () => {
    const answer = deadlines(0).ask(
      inquiryOf(),
      () => new Promise((resolve) => setTimeout(() => resolve('at last'), 1e8)),
      'x',
    )
    vi.advanceTimersByTime(1e8)
    expect(await answer).toBe('at last')
  })

  it('keeps the process alive while it runs, since somebody waits for the answer', async () => {
    vi.useRealTimers()
    const made = vi.spyOn(globalThis, 'setTimeout')
    const answer = outcome(deadlines(10_000).ask(inquiryOf(), () => new Promise(setImmediate), 'x'))
    const timer = made.mock.results[0]?.value as NodeJS.Timeout
    made.mockRestore()
    expect(timer.hasRef()).toBe(true)
    await answer
  })

  it('aborts the signal when the client has gone, and then takes a rejection for the end', async () => {
    const listeners = new Set<() => void>()
    const onGone = (listener: () => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
    const inquiry = inquiryOf(onGone)
    const call = (): Promise<never> =>
      new Promise((_, reject) =>
        inquiry.signal.addEventListener('abort', () => reject(inquiry.signal.reason)),
      )
    const answer = codeOf(deadlines().ask(inquiry, call, 'x'))
    for (const listener of [...listeners]) listener()
    expect(await answer).toBe('invalid_request')
    expect([told, listeners.size, vi.getTimerCount()]).toEqual([[], 0, 0])
  })

  it.each<[string, () => unknown]>([
    ['answers', () => 1],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['answers later', async () => 1],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('listens for the client no longer once a function %s', async (_name, call) => {
    let listening = 0
    const inquiry = inquiryOf(() => {
      listening++
      return () => void listening--
    })
    const ask = async (): Promise<unknown> =>
      deadlines().ask(
        inquiry,
        () => {
          void inquiry.signal
          return call()
        },
        'x',
      )
    await outcome(ask())
    expect(listening).toBe(0)
    void inquiry.signal
    expect([listening, inquiry.signal.aborted]).toEqual([0, false])
  })

  it('is none for functions that have to answer at once: a promise is no yes, and dropped', async () => {
    expect([true, false, 1, undefined, {}].map(isYes)).toEqual([true, false, false, false, false])
    expect(isYes(Promise.resolve(true))).toBe(false)
    expect(isYes(Promise.reject(new Error('late')))).toBe(false)
  })
})

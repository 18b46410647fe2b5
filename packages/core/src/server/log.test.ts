import { describe, expect, it } from 'vitest'
import type { Logger } from '../configuration/logger.js'
import type { AAuthEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import { noteRoute } from '../http/request-view.js'
import { createLog } from './log.js'

const request = (target = '/notes/7?x=1'): HttpRequest => ({ method: 'GET', target, rawHeaders: [] })
const refused = (code = 'server_error', reason?: string): UntimedEvent<AAuthEvent> =>
  ({
    name: 'refused',
    code,
    family: 'ours',
    ...(reason === undefined ? {} : { reason }),
  }) as UntimedEvent<AAuthEvent>

function open(methods: Partial<Logger> = {}) {
  const entries: { level: string; details: Record<string, unknown>; message: string }[] = []
  const write =
    (level: string) =>
    (details: object, message: string): void => {
      entries.push({ level, details: details as Record<string, unknown>, message })
    }
  let now = 5
  const pass = (ms: number): void => {
    now += ms
  }
  const logger: Logger = { error: write('error'), warn: write('warn'), debug: write('debug'), ...methods }
  return { entries, log: createLog(logger, () => now), pass }
}

describe('failures of ours', () => {
  it('are logged with the error and the route, once for each cause and minute', () => {
    const { entries, log, pass } = open()
    const broken = (text: string): Error => new Error(text)
    const called = request()
    noteRoute(called, { params: {}, raw: {}, route: '/notes/:id' })
    for (const user of ['a', 'b', 'c']) log(refused(), called, broken(`no row for ${user}`))
    expect(entries).toEqual([
      {
        level: 'error',
        details: { err: new Error('no row for a'), code: 'server_error', method: 'GET', route: '/notes/:id' },
        message: 'aauth: server_error at GET /notes/:id',
      },
    ])
    log(refused(), called, new TypeError('another place'))
    expect(entries).toHaveLength(2)
    pass(59_999)
    log(refused(), called, broken('late'))
    expect(entries).toHaveLength(2)
    pass(1)
    log(refused(), called, broken('later'))
    expect(entries[2]).toMatchObject({
      details: { err: new Error('later'), more: 3 },
      message: 'aauth: server_error at GET /notes/:id (and 3 more since it was logged last)',
    })
  })

  it('are none where the store is still connecting: that is a warning, once', () => {
    const { entries, log } = open({ debug: () => {} })
    const yet = Object.assign(new Error('not connected yet'), { name: 'StoreConnectingError' })
    log({ name: 'store-connecting', reason: 'not connected yet' }, undefined, undefined)
    log(refused('store_unavailable', 'the store (connecting): not connected yet'), request(), yet)
    expect(entries).toEqual([
      {
        level: 'warn',
        details: { code: 'store-connecting', reason: 'not connected yet' },
        message: 'aauth: the store is not connected yet: not connected yet',
      },
    ])
  })

  it('are none where the store has lost what it held, and is used again: that is a warning', () => {
    const { entries, log } = open({})
    log({ name: 'store-restored', entries: 3 }, undefined, undefined)
    expect(entries).toEqual([
      {
        level: 'warn',
        details: { code: 'store-restored', entries: 3 },
        message:
          'aauth: the store had lost what it held, and is used again; this process has written back 3 entries',
      },
    ])
  })

  it('are all that is ours, and nothing that is a caller’s or an issuer’s', () => {
    const { entries, log } = open({ debug: () => {} })
    const thrown = new Error('thrown')
    const ours: [UntimedEvent<AAuthEvent>, unknown][] = [
      [refused('store_unavailable', 'the store (timeout): late'), undefined],
      [refused('overloaded'), undefined],
      [{ name: 'observed', code: 'server_error', status: 500 }, thrown],
      [{ name: 'failed', reason: 'thrown' }, thrown],
      [{ name: 'issuer-policy-failed', issuer: 'https://ps.example', dwk: 'x', reason: 'thrown' }, thrown],
      [{ name: 'store-failed', operation: 'read', fault: 'timeout', reason: 'late' }, undefined],
    ]
    for (const [event, error] of ours) log(event, request(), error)
    expect(entries.map(({ details }) => details['code'])).toEqual([
      'store_unavailable',
      'overloaded',
      'server_error',
      'failed',
      'issuer-policy-failed',
      'store-failed',
    ])
    const others: UntimedEvent<AAuthEvent>[] = [
      { name: 'served', caller: 'agent' },
      { name: 'challenged', requirement: 'person-token' },
      { name: 'refused', code: 'invalid_jwt', family: 'caller' },
      { name: 'refused', code: 'issuer_unavailable', family: 'issuer' },
      { name: 'observed', code: 'server_error', status: 403 },
    ]
    for (const event of others) log(event, request())
    expect(entries).toHaveLength(6)
  })

  it('take bounded memory, whatever their texts, and are still told of', () => {
    const { entries, log, pass } = open()
    for (let i = 0; i < 5000; i++) log(refused('server_error', `number ${i}`))
    expect(entries).toHaveLength(201)
    pass(60_000)
    log(refused('server_error', 'number 5000'))
    expect(entries).toHaveLength(202)
  })

  it('name no more of a stranger’s path than a terminal can show', () => {
    const { entries, log } = open()
    log(refused(), request(`/\u001b[31m${'x'.repeat(500)}?secret=1`))
    const route = entries[0]?.details['route'] as string
    expect(route).toMatch(/^\/\?\[31mx{1,200}$/)
    expect(JSON.stringify(entries)).not.toContain('secret')
  })

  it('are answered as before when the log itself throws', () => {
    const { log } = open({
      error: () => {
        throw new Error('disk full')
      },
    })
    expect(() => log(refused(), request())).not.toThrow()
  })
})

describe('the level debug', () => {
  it('has an entry for each refusal and challenge: code, route and why', () => {
    const { entries, log } = open()
    for (const _ of [1, 2])
      log({ name: 'refused', code: 'expired_jwt', family: 'caller', reason: 'exp' }, request())
    log({ name: 'challenged', requirement: 'person-token' }, request())
    expect(entries.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'debug aauth: refused expired_jwt',
      'debug aauth: refused expired_jwt',
      'debug aauth: challenged person-token',
    ])
    expect(entries[0]?.details).toEqual({
      code: 'expired_jwt',
      method: 'GET',
      route: '/notes/7',
      reason: 'exp',
    })
  })

  it('goes to the log of the request, and costs nothing where it is off', () => {
    const { entries, log } = open()
    const own: object[] = []
    const logger = { error: () => {}, warn: () => {}, debug: (details: object) => void own.push(details) }
    const called = request()
    noteRoute(called, { params: {}, raw: {}, log: logger })
    log({ name: 'challenged', requirement: 'agent-token' }, called)
    expect([own.length, entries.length]).toEqual([1, 0])
    noteRoute(called, {
      params: {},
      raw: {},
      log: { ...logger, isLevelEnabled: () => false },
      get route(): string {
        throw new Error('looked at')
      },
    })
    log({ name: 'challenged', requirement: 'agent-token' }, called)
    expect([own.length, entries.length]).toEqual([1, 0])
  })
})

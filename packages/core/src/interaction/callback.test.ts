import { describe, expect, it } from 'vitest'
import type { Caller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { IssuerMetadata } from '../issuer/metadata.js'
import type { PendingRecord } from '../pending/record.js'
import { fakeIssuers } from '../testing/party.js'
import { callbackWith, isCallback } from './callback.js'

const provider = 'https://ap.example'
const byAgent = { caller: { kind: 'agent', provider } as unknown as Caller } as PendingRecord
const byPerson = {
  caller: { kind: 'person', person: { ps: 'https://ps.example', sub: 'x' } } as unknown as Caller,
} as PendingRecord
const check = (url: string, record = byAgent, metadata: object | Refusal = {}): Promise<boolean | Refusal> =>
  isCallback(
    url,
    record,
    fakeIssuers({
      metadata: async () =>
        metadata instanceof Refusal
          ? metadata
          : ({ issuer: provider, callback_endpoint: `${provider}/cb`, ...metadata } as IssuerMetadata),
    }),
  )

describe('callbacks', () => {
  it('are the provider’s own endpoint, with a query if need be (R-241)', async () => {
    expect(await check('https://ap.example/cb')).toBe(true)
    expect(await check('https://ap.example/cb?state=1&x=%20')).toBe(true)
  })

  it('are nothing else (N-155)', async () => {
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      'blob:https://ap.example/cb',
      'https://evil.example/cb',
      'https://ap.example/other',
      'https://ap.example/cb/',
      'https://ap.example/x/../cb',
      'https://ap.example:8443/cb',
      'https://ap.example@evil.example/cb',
      'https://user@ap.example/cb',
      'https://ap.example/cb#x',
      'https://AP.example/cb',
      'http://ap.example/cb',
      '//ap.example/cb',
      '/cb',
      'https:\\\\ap.example\\cb',
      ' https://ap.example/cb',
      'https://ap.example/cb\r\nSet-Cookie: a=b',
      `https://ap.example/cb?${'x'.repeat(3000)}`,
      '',
    ]) {
      expect([url, await check(url)]).toEqual([url, false])
    }
  })

  it('are loopback only where the provider says so (N-156, R-029)', async () => {
    const urls = ['http://localhost:8765/cb', 'http://127.0.0.1:1/x', 'http://[::1]:9/y']
    for (const url of urls) {
      expect(await check(url)).toBe(false)
      expect(await check(url, byAgent, { localhost_callback_allowed: 'true' })).toBe(false)
      expect(await check(url, byAgent, { localhost_callback_allowed: true })).toBe(true)
    }
    expect(await check('http://localhost.evil.example/', byAgent, { localhost_callback_allowed: true })).toBe(
      false,
    )
  })

  it('are none where the provider publishes none, or another’s, and not judged where it cannot be asked', async () => {
    expect(await check('https://ap.example/cb', byAgent, { callback_endpoint: undefined })).toBe(false)
    const elsewhere = { callback_endpoint: 'https://evil.example/cb' }
    expect(await check('https://evil.example/cb', byAgent, elsewhere)).toBe(false)
    const unreachable = new Refusal('issuer_unavailable')
    expect(await check('https://ap.example/cb', byAgent, unreachable)).toBe(unreachable)
    expect(await check('https://ap.example/cb', byAgent, new Refusal('unknown_key'))).toBe(false)
  })

  it('are on the person server’s origin for whoever came with its token', async () => {
    expect(await check('https://ps.example/flow/3a?x=1', byPerson)).toBe(true)
    expect(await check('https://ap.example/cb', byPerson)).toBe(false)
    expect(await check('https://ps.example.evil.example/', byPerson)).toBe(false)
    // Each has that origin, or would have it if it were tidied up.
    for (const url of [
      'blob:https://ps.example/3a',
      'blob:https://ps.example',
      'https://ps.example:443/',
      'https://PS.example/',
      'https://ps.example./',
      'https://ps.example/a/../b',
      'https://ps.example/%2e%2e/b',
      'https://ps%2eexample/',
      'https:ps.example/',
    ])
      expect([url, await check(url, byPerson)]).toEqual([url, false])
  })

  it('are told of errors beside what they carry (R-238)', () => {
    expect(callbackWith('https://ap.example/cb?state=1', undefined)).toBe('https://ap.example/cb?state=1')
    expect(callbackWith('https://ap.example/cb?state=1', 'access_denied')).toBe(
      'https://ap.example/cb?state=1&error=access_denied',
    )
  })
})

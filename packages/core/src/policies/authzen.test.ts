import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grant, inputOf, now } from '../testing/policy-input.js'
import { authZenPolicy } from './authzen.js'

describe('a policy decision point', () => {
  let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void
  let server: http.Server
  let url: string
  beforeAll(async () => {
    server = http.createServer((request, response) => answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/access/v1/evaluation`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  const says = (body: string, status = 200, headers = {}): void => {
    answer = (_, response) => void response.writeHead(status, headers).end(body)
  }
  const decide = async (
    more: { readonly signal?: AbortSignal; readonly timeout?: number } = {},
  ): Promise<unknown> => {
    const { signal, timeout = 5_000 } = more
    return authZenPolicy({ url, timeout })({ ...inputOf(grant), ...(signal && { signal }) })
  }

  it('is asked as AuthZEN says, with the headers that the application gives', async () => {
    const seen: unknown[] = []
    answer = (request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      request.on('end', () => {
        const { authorization, 'content-type': type } = request.headers
        seen.push(request.method, request.url, authorization, type, JSON.parse(text))
        response.end('{"decision": true}')
      })
    }
    const policy = authZenPolicy({ url, headers: () => ({ authorization: 'Bearer x' }) })
    expect(await policy(inputOf(grant))).toEqual({ verdict: 'allow' })
    expect(seen).toMatchObject([
      'POST',
      '/access/v1/evaluation',
      'Bearer x',
      'application/json',
      {
        subject: { type: 'person' },
        action: { name: 'GET' },
        resource: { id: '/notes/:id' },
        context: { now },
      },
    ])
  })

  it.each([
    ['a no', '{"decision": false}', 'deny'],
    ['a no with reasons', '{"decision": false, "context": {"reason_user": {"en": "no"}}}', 'deny'],
    ['a yes with an obligation', '{"decision": true, "context": {"stepUp": {"scope": "write"}}}', 'step-up'],
  ])('may answer with %s', async (_, body, verdict) => {
    says(body)
    expect(await decide()).toMatchObject({ verdict })
  })

  it.each([
    ['a decision in quotes', '{"decision": "true"}'],
    ['no decision', '{}'],
    ['two', '{"decision": false, "decision": true}'],
    ['a decision under another name', '{"Decision": true}'],
    ['a list', '[{"decision": true}]'],
    ['no JSON', 'true'],
    ['a context that is a list', '{"decision": true, "context": [1]}'],
    ['a misspelt obligation', '{"decision": true, "context": {"aproval": {}}}'],
    ['more than 64 KiB', `{"decision": true, "context": {"x": "${'x'.repeat(70_000)}"}}`],
    ['bytes that are no UTF-8', '{"decision": true, "context": {"x": "\xff"}}'],
  ])('lets nothing pass by %s', async (_, body) => {
    answer = (__, response) => void response.end(Buffer.from(body, 'latin1'))
    await expect(decide()).rejects.toThrow()
  })

  it.each([201, 302, 401, 500])('lets nothing pass with status %i', async (status) => {
    says('{"decision": true}', status, { location: '/elsewhere' })
    await expect(decide()).rejects.toThrow(`status ${status}`)
  })

  it('is no fault of the request where it does not answer: 503, for what it is asked 403, and for what it answers 500', async () => {
    const late = { refusal: { code: 'policy_unavailable', details: { retryAfter: 5 } } }
    for (const status of [429, 500, 503]) {
      says('{}', status)
      await expect(decide()).rejects.toMatchObject(late)
    }
    answer = () => {}
    await expect(decide({ timeout: 20 })).rejects.toMatchObject(late)
    answer = (request) => void request.socket.destroy()
    await expect(decide()).rejects.toMatchObject(late)
    for (const status of [400, 413, 422]) {
      says('{}', status)
      await expect(decide()).rejects.toMatchObject({ refusal: { code: 'access_denied' } })
    }
    says('{}', 401)
    await expect(decide()).rejects.not.toHaveProperty('refusal')
    says('{"decision": 1}')
    await expect(decide()).rejects.not.toHaveProperty('refusal')
  })

  it('is obeyed where the application says later what its obligations are', async () => {
    says('{"decision": true, "context": {"must": {"stepUp": {"fresh": true}}}}')
    const obligations = async ({ must }: Readonly<Record<string, unknown>>): Promise<unknown> => must
    expect(await authZenPolicy({ url, obligations })(inputOf(grant))).toMatchObject({ verdict: 'step-up' })
  })

  it('is asked nothing once there is no time, and the application is not waited for either', async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const gone = AbortSignal.abort(new Error('the caller has gone'))
    for (const more of [
      { fetch: never },
      { headers: never },
      { principal: never },
      { obligations: never },
    ] as const) {
      says('{"decision": true}')
      await expect(authZenPolicy({ url, timeout: 20, ...more })(inputOf(grant))).rejects.toThrow('timeout')
      const asked = authZenPolicy({ url, ...more })({ ...inputOf(grant), signal: gone })
      await expect(asked).rejects.toThrow('the caller has gone')
    }
  })

  it('is not waited for beyond the timeout, in the middle of its answer either', async () => {
    answer = (_, response) => void response.write('{"decision":')
    await expect(decide({ timeout: 20 })).rejects.toThrow()
    answer = () => {}
    await expect(decide({ timeout: 20 })).rejects.toThrow()
  })

  it('is not waited for when the request has no use for it any more', async () => {
    const given = new AbortController()
    answer = () => given.abort(new Error('the caller has gone'))
    await expect(decide({ signal: given.signal })).rejects.toThrow('the caller has gone')
  })
})

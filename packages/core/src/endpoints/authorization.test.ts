import { describe, expect, it } from 'vitest'
import { authorized } from '../access/access-options.js'
import { deny } from '../access/policy.js'
import { contentDigest } from '../http/content-digest.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { interact } from '../interaction/ask.js'
import { agentKey, now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'

type Options = Parameters<typeof testResource>[0]

const post = async (content: object, claims: object = {}): Promise<HttpRequest> => {
  const body = Buffer.from(JSON.stringify(content))
  const rawHeaders = [
    ...['Host', 'rs.example', 'Content-Type', 'application/json', 'Content-Length', String(body.length)],
    ...['Content-Digest', contentDigest(body)],
  ]
  const request = { method: 'POST', target: '/aauth/authorize', rawHeaders, body: async () => body }
  return signed(await token('aa-person+jwt', claims), {}, request)
}
const ask = async (content: object, options: Options = {}, claims: object = {}): Promise<Answer> =>
  (await testResource(options).handle(await post(content, claims))) as Answer
const payload = ({ body }: Answer): Record<string, unknown> => {
  const { resource_token: jwt } = JSON.parse(body) as { readonly resource_token: string }
  return JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString('utf8'))
}

describe('the authorization endpoint', () => {
  it('answers with a resource token for the person’s server, naming the person token it was shown (R-173, R-177, R-182, R-184)', async () => {
    const claims = { jti: 'pt-1', mission_s256: 'abc', tenant: 'acme' }
    const answer = await ask({ scope: 'data.read data.write data.read' }, {}, claims)
    expect(answer).toMatchObject({ status: 200, headers: { 'Cache-Control': 'no-store' } })
    expect(payload(answer)).toMatchObject({
      aud: 'https://ps.example',
      ps: 'https://ps.example',
      sub: 'mom-at-rs',
      presented_jti: 'pt-1',
      agent_jkt: agentKey.jkt,
      scope: 'data.read data.write',
      mission_s256: 'abc',
      tenant: 'acme',
      exp: now + 300,
    })
    expect(payload(answer)).not.toHaveProperty('account')
  })

  it('answers with one for our access server where there is one (R-177)', async () => {
    const answer = await ask({ scope: 'data.read email' }, { accessServer: 'https://as.example' })
    // In four-party it is still the person's server whose list counts.
    expect(payload(answer)).toMatchObject({ aud: 'https://as.example', scope: 'data.read email' })
  })

  it('repeats the account, and only one that the person holds (R-176, R-198, R-294)', async () => {
    const asked: unknown[] = []
    const accounts = (question: unknown): boolean => asked.push(question) === 1
    expect(payload(await ask({ scope: 'data.read', account: 'blue' }, { accounts }))).toMatchObject({
      account: 'blue',
    })
    expect(asked).toMatchObject([{ person: { ps: 'https://ps.example', sub: 'mom-at-rs' }, account: 'blue' }])
    expect(asked).toMatchObject([{ request: { method: 'POST', path: '/aauth/authorize', params: {} } }])
    expect(JSON.parse((await ask({ scope: 'data.read', account: 'blue' })).body)).toMatchObject({
      error: 'invalid_account',
    })
  })

  it('drops identity scopes that the person’s server does not list (R-195, R-287)', async () => {
    expect(payload(await ask({ scope: 'data.read address email' }))).toMatchObject({
      scope: 'data.read email',
    })
  })

  it('lets the resource narrow, refuse, and decide by itself (R-178, R-183, R-287)', async () => {
    const seen: unknown[] = []
    const narrowed = await ask(
      { scope: 'data.read data.write address' },
      {
        authorize: ({ caller, scope, account, now: time }) => {
          seen.push(caller.kind, scope, account, time)
          return ['data.read']
        },
      },
    )
    expect(payload(narrowed)).toMatchObject({ scope: 'data.read' })
    expect(seen).toEqual(['person', ['data.read', 'data.write'], undefined, now])
    const refused = await ask({ scope: 'data.read' }, { authorize: async () => deny('not_today') })
    expect(refused).toMatchObject({ status: 403, headers: { 'Content-Type': 'application/problem+json' } })
    expect(await ask({ scope: 'data.read' }, { authorize: () => [] })).toMatchObject({ status: 403 })
    const own = await ask({ scope: 'data.read' }, { authorize: ({ scope }) => authorized(scope) })
    expect(own).toMatchObject({ status: 200, body: '{"status":"authorized","scope":"data.read"}' })
  })

  it.each<[string, NonNullable<Options>]>([
    ['throws', { authorize: () => Promise.reject(new Error('no database')) }],
    ['widens', { authorize: () => ['data.read', 'data.admin'] }],
    ['answers nonsense', { authorize: () => 'data.read' as never }],
    ['answers nothing', { authorize: () => undefined as never }],
    ['wants an interaction and has no page', { authorize: () => interact() }],
  ])('is a 500 when the resource %s (N-124, R-179)', async (_what, options) => {
    expect(await ask({ scope: 'data.read' }, options)).toMatchObject({ status: 500 })
  })

  it('says which method it has (N-123)', async () => {
    const request = await post({ scope: 'data.read' })
    const answer = await testResource().handle({ ...request, method: 'GET' })
    expect(answer).toMatchObject({ status: 405, headers: { Allow: 'POST', 'Cache-Control': 'no-store' } })
  })

  it('is 503 while the person’s server cannot be asked for its scopes', async () => {
    const server = testResource({ issuers: {}, fetch: () => Promise.reject(new Error('no route')) })
    expect(await server.handle(await post({ scope: 'data.read email' }))).toMatchObject({ status: 503 })
  })

  it('is published where there are scopes, wherever it is (R-008, R-173, HC-94)', async () => {
    const metadata = async (options: Options): Promise<Record<string, unknown>> => {
      const request = { method: 'GET', target: '/.well-known/aauth-resource.json', rawHeaders: [] }
      return JSON.parse(((await testResource(options).handle(request)) as Answer).body)
    }
    expect(await metadata({})).toMatchObject({ authorization_endpoint: 'https://rs.example/aauth/authorize' })
    const moved = { paths: { authorization: '/oauth/aauth' } }
    expect(await metadata(moved)).toMatchObject({ authorization_endpoint: 'https://rs.example/oauth/aauth' })
    expect(await metadata({ scopes: {} })).not.toHaveProperty('authorization_endpoint')
    const { endpoints } = testResource(moved)
    expect(endpoints.map(({ path }) => path)).toContain('/oauth/aauth')
  })
})

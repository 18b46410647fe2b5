import { createServer } from 'node:http'
import type { AAuthEvent } from '@countersign/core'
import { type Agent, createTown, type Town, type TownRequest, type WireRequest } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import awsLambda from '@fastify/aws-lambda'
import express, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import serverless from 'serverless-http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fieldsOf, type GatewayAnswer, type Invoke, onLambda } from './gateway.js'

// Requests that Node's HTTP parser has not made: serverless platforms and `inject`.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let town: Town
let sam: Agent
beforeAll(async () => {
  town = await createTown()
  sam = town.agent('sam')
})
afterAll(() => town.close())

/** An application on a platform: `/open` needs an agent, `POST /signed` the content covered as well. */
interface Platform {
  send(request: WireRequest): Promise<GatewayAnswer>
  readonly events: readonly AAuthEvent[]
}

const covered = { identity: 'agent', components: ['content-type', 'content-digest'] } as const
const options = (events: AAuthEvent[]) => ({
  resource: 'https://rs.example',
  fetch: town.fetch,
  onEvent: (event: AAuthEvent) => void events.push(event),
})

function expressApp(framework: typeof express, events: AAuthEvent[]): Express {
  const guard = expressAauth(options(events))
  const app = framework()
  const answer: RequestHandler = (req, res) => void res.json({ body: req.body as unknown })
  app.use(guard.endpoints())
  app.post('/signed', guard.require(covered), framework.json(), answer)
  app.use(guard.require('agent'), framework.json(), answer)
  return app
}

async function fastifyApp(events: AAuthEvent[]) {
  const app = fastify()
  await app.register(fastifyAauth, options(events))
  app.post('/signed', { config: { aauth: covered } }, async ({ body }) => ({ body }))
  app.all('/*', { config: { aauth: 'agent' } }, async ({ body }) => ({ body: body ?? null }))
  return app
}

const platforms: readonly (readonly [string, () => Promise<Platform>])[] = [
  ...(['1.0', '2.0'] as const).flatMap((version) => [
    ...[express, express4 as unknown as typeof express].map(
      (framework, i) =>
        [
          `Express ${5 - i}, serverless-http, API Gateway ${version}`,
          async () => {
            const events: AAuthEvent[] = []
            const handler = serverless(expressApp(framework, events) as never) as Invoke
            return { events, send: onLambda(handler, version) }
          },
        ] as const,
    ),
    [
      `a server, serverless-http, API Gateway ${version}`,
      async () => {
        const events: AAuthEvent[] = []
        const handler = serverless(createServer(expressApp(express, events)) as never) as Invoke
        return { events, send: onLambda(handler, version) }
      },
    ] as const,
    [
      `Fastify, @fastify/aws-lambda, API Gateway ${version}`,
      async () => {
        const events: AAuthEvent[] = []
        const proxy = awsLambda(await fastifyApp(events)) as unknown as Invoke
        return { events, send: onLambda(proxy, version) }
      },
    ] as const,
  ]),
  [
    'Fastify, inject',
    async () => {
      const events: AAuthEvent[] = []
      const app = await fastifyApp(events)
      return {
        events,
        async send(request) {
          const { method, target: url, body } = request
          const payload = body === undefined ? {} : { payload: Buffer.from(body) }
          const answer = await app.inject({
            method: method as 'GET',
            url,
            headers: fieldsOf(request),
            ...payload,
          })
          return { status: answer.statusCode, headers: {}, body: answer.body }
        },
      }
    },
  ],
]

describe.each(platforms)('%s', (_name, open) => {
  let platform: Platform
  beforeAll(async () => {
    platform = await open()
  })
  const bread = JSON.stringify({ bread: 2 })
  const post = (url: string, body: string): TownRequest => ({
    method: 'POST',
    url: `https://rs.example${url}`,
    headers: { 'Content-Type': 'application/json' },
    body,
  })
  const diagnosed = (): string[] =>
    platform.events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))

  it('serves a signed GET, and refuses one that is not signed', async () => {
    expect(await platform.send(await sam.sign({ url: 'https://rs.example/open' }))).toMatchObject({
      status: 200,
    })
    const bare = { method: 'GET', host: 'rs.example', target: '/open', rawHeaders: ['Host', 'rs.example'] }
    expect(await platform.send(bare)).toMatchObject({ status: 401 })
  })

  it('checks a digest and leaves the content to the parser', async () => {
    const answer = await platform.send(await sam.sign(post('/signed', bread)))
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { body: { bread: 2 } }])
  })

  it('refuses content that was altered, or that nothing covers', async () => {
    const signed = await sam.sign(post('/signed', bread))
    expect(await platform.send({ ...signed, body: Buffer.from('{"bread":3}') })).toMatchObject({
      status: 401,
    })
    const components = ['@method', '@authority', '@path', 'signature-key']
    const uncovered = await sam.sign(post('/signed', bread), { components })
    const rawHeaders = uncovered.rawHeaders.filter((_, i, all) => {
      return (all[i - (i % 2)] as string).toLowerCase() !== 'content-length'
    })
    expect(await platform.send({ ...uncovered, rawHeaders })).toMatchObject({ status: 401 })
  })

  it('answers a signed POST without content, and one whose content nobody reads', async () => {
    expect(
      await platform.send(await sam.sign({ method: 'POST', url: 'https://rs.example/open' })),
    ).toMatchObject({
      status: 200,
    })
    expect(await platform.send(await sam.sign(post('/open', bread)))).toMatchObject({ status: 200 })
  })

  it('says that the request is not of the parser when a signature does not verify', async () => {
    const signed = await sam.sign({ url: 'https://rs.example/open' })
    expect(await platform.send({ ...signed, target: '/other' })).toMatchObject({ status: 401 })
    expect(diagnosed()).toEqual(['AAUTH_FOREIGN_REQUEST'])
  })
})

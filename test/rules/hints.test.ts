import { once } from 'node:events'
import { createServer as createPlain, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { ResourceOptions } from '@countersign/core'
import { type Person, readRequirement } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'

// What a resource says to whoever is to use it, beside what it requires.

describe.each(adapters)('a hint who the person is [adapter %s]', (adapter) => {
  let stage: Stage
  let ran = 0
  afterEach(() => stage.close())
  const table: readonly TargetRoute[] = [
    { method: 'GET', path: '/x/:id', requirement: { scope: 'data.read' }, answer: () => ({ ran: ++ran }) },
    {
      method: 'POST',
      path: '/held/:id',
      requirement: { scope: 'data.write', deliver: 'held' },
      answer: () => ({ ran: ++ran }),
    },
    { method: 'GET', path: '/user', requirement: { scope: 'data.read', user: true }, answer: () => ({}) },
  ]
  const open = async (options: Partial<ResourceOptions>): Promise<void> => {
    ran = 0
    stage = await openStage(adapter, options, table)
  }
  const ask = async (path: string, method = 'GET', person?: Person): Promise<Response> => {
    const token = await stage.personToken(person)
    return stage.sam.request({ method, url: `${resource}${path}` }, { token })
  }
  const claimsOf = (response: Response): Record<string, unknown> => {
    const token = readRequirement(response)?.parameters['resource-token'] ?? ''
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}')
  }

  it('is in every resource token, of the very person, and nobody else’s (R-199, R-295)', async () => {
    const asked: unknown[] = []
    let whose: unknown
    await open({
      async loginHint({ person, tenant, request, signal }) {
        asked.push([person.ps, tenant, request.path, signal.aborted])
        return person.sub === whose ? 'mom@example.com' : undefined
      },
    })
    const { sam, town } = stage
    const dad = town.person('dad')
    const mom = claimsOf(await ask('/x/1'))
    expect(mom['login_hint']).toBeUndefined()
    whose = mom['sub']
    const again = claimsOf(await ask('/x/1'))
    expect(again).toMatchObject({ login_hint: 'mom@example.com', sub: whose })
    expect(again).not.toHaveProperty('account')
    expect(claimsOf(await ask('/held/1', 'POST'))['login_hint']).toBe('mom@example.com')
    expect(claimsOf(await ask('/x/1', 'GET', dad))).not.toHaveProperty('login_hint')
    const authorized = await sam.request(
      {
        method: 'POST',
        url: `${resource}/aauth/authorize`,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ scope: 'data.read', login_hint: 'dad@example.com' }),
      },
      { token: await stage.personToken() },
    )
    const { resource_token: token } = (await authorized.json()) as { resource_token: string }
    expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      login_hint: 'mom@example.com',
    })
    expect(asked).toContainEqual(['https://ps.example', undefined, '/x/1', false])
  })

  it('is passed on unchanged by the agent, and what is granted is read from the auth token (R-146)', async () => {
    await open({ loginHint: () => 'somebody-else@example.com' })
    const { sam } = stage
    const response = await sam.fetch(`${resource}/x/1`)
    // The person server did not go by it: whose grant it is, its token says.
    expect([response.status, ran]).toEqual([200, 1])
  })

  it.each(['', ' ', 3, true, {}, [], 'a\nb', 'a\u0000', 'a\u202eb', 'x'.repeat(513), '\ud800'])(
    'is a 500 where it is none: %j',
    async (hint) => {
      await open({ loginHint: () => hint as string })
      expect((await ask('/x/1')).status).toBe(500)
      expect((await ask('/held/1', 'POST')).status).toBe(500)
    },
  )

  it.each([undefined, null])('is none where nothing is known: %j', async (hint) => {
    await open({ loginHint: () => hint })
    const response = await ask('/x/1')
    expect(response.status).toBe(401)
    expect(claimsOf(response)).not.toHaveProperty('login_hint')
  })

  it('has to come in time', async () => {
    await open({ loginHint: () => new Promise(() => {}), policyTimeout: 30 })
    expect((await ask('/x/1')).status).toBe(503)
    expect((await ask('/held/1', 'POST')).status).toBe(503)
  })

  it('says the code of the page in a claim of its own only where compat says so (R-200)', async () => {
    const users = { find: () => undefined, link: () => undefined }
    for (const [compat, expected] of [
      [{ interactionCode: true }, true],
      [{}, false],
    ] as const) {
      await open({ users, interaction: { login: () => 'mom' }, compat })
      const claims = claimsOf(await ask('/user'))
      const { code } = claims['interaction'] as { code: string }
      expect(code).toMatch(/^[A-Z0-9]{8}$/)
      expect(claims['interaction_code']).toBe(expected ? code : undefined)
      expect(claimsOf(await ask('/x/1'))).not.toHaveProperty('interaction_code')
      if (expected) await stage.close()
    }
  })
})

const field = '<https://rs.example/.well-known/aauth-resource.json>; rel="aauth-resource"'
const own = '</next>; rel="next"'
type Write = (response: ServerResponse) => unknown

const ways: readonly (readonly [string, Write, string])[] = [
  ['says nothing', (response) => response.end('x'), field],
  ['has no content', (response) => response.writeHead(204).end(), field],
  ['sets a link', (response) => response.setHeader('Link', own).end('x'), `${own}, ${field}`],
  ['sets two', (response) => response.setHeader('link', [own, '</a>']).end('x'), `${own}, </a>, ${field}`],
  [
    'gives one to writeHead',
    (response) => response.writeHead(200, { LINK: own }).end('x'),
    `${own}, ${field}`,
  ],
  [
    'gives several to writeHead, in several spellings',
    (response) => response.writeHead(200, { Link: own, link: '<c>; rel="next"' }).end('x'),
    `${own}, <c>; rel="next", ${field}`,
  ],
  [
    'gives one to writeHead, with a reason',
    (response) => response.writeHead(200, 'Fine', { Link: own }).end('x'),
    `${own}, ${field}`,
  ],
  [
    'gives one to writeHead, in a list',
    (response) => response.writeHead(200, ['Link', own, 'X-A', 'b']).end('x'),
    `${own}, ${field}`,
  ],
  [
    'sets one, and gives others to writeHead',
    (response) => response.setHeader('Link', own).writeHead(200, { 'X-A': 'b' }).end('x'),
    `${own}, ${field}`,
  ],
  [
    'sets one, and gives a list to writeHead',
    (response) => response.setHeader('Link', own).writeHead(200, ['X-A', 'b']).end('x'),
    `${own}, ${field}`,
  ],
  ['sets ours', (response) => response.setHeader('Link', field).end('x'), field],
]

describe('the link to the metadata', () => {
  let close: () => Promise<unknown> = async () => undefined
  afterEach(() => close())
  const optional = { identity: 'any', optional: true } as const
  const keep = (server: Server): number => {
    close = async () => {
      server.close()
      server.closeAllConnections()
    }
    return (server.address() as AddressInfo).port
  }
  const starts = {
    async express(write: Write, metadataLink = true) {
      const guard = aauth({ resource, metadataLink })
      const app = express()
      app.get('/', guard.require(optional), guard.require(optional), (_req, res) => void write(res))
      app.get('/agent', guard.require('agent'), (_req, res) => void write(res))
      app.get('/other', (_req, res) => void write(res))
      app.get('/element', (_req, res) => void res.send(guard.server.metadataLink.element))
      const server = createPlain(app).listen(0, '127.0.0.1')
      await once(server, 'listening')
      return keep(server)
    },
    async fastify(write: Write, metadataLink = true) {
      const app = fastify()
      await app.register(plugin, { resource, metadataLink })
      app.get('/', { config: { aauth: optional } }, (_request, reply) => {
        reply.hijack()
        write(reply.raw)
      })
      app.get('/agent', { config: { aauth: 'agent' } }, async () => 'x')
      app.get('/other', async () => 'x')
      app.get('/element', async () => app.aauth.metadataLink.element)
      await app.listen({ port: 0, host: '127.0.0.1' })
      return keep(app.server)
    },
  }

  describe.each(Object.entries(starts))('under %s', (_name, start) => {
    it.each(ways)('is on what a handler answers that %s (R-018, R-019)', async (_way, write, expected) => {
      const port = await start(write)
      const response = await fetch(`http://127.0.0.1:${port}/`)
      expect(response.headers.get('link')).toBe(expected)
      expect(response.headers.get('cache-control')).toBe('private')
      await response.text()
    })

    it('is on challenges, beside the requirement and never instead of it (R-018, R-020)', async () => {
      const port = await start((response) => response.end())
      const response = await fetch(`http://127.0.0.1:${port}/agent`)
      expect(response.status).toBe(401)
      expect(response.headers.get('link')).toBe(field)
      expect(response.headers.get('aauth-requirement')).toBe('requirement=agent-token')
      expect((await fetch(`http://127.0.0.1:${port}/other`)).headers.get('link')).toBeNull()
    })

    it('is nowhere by default', async () => {
      const port = await start((response) => response.end(), false)
      for (const path of ['/', '/agent'])
        expect((await fetch(`http://127.0.0.1:${port}${path}`)).headers.get('link')).toBeNull()
    })

    it('is at hand for the documentation page (R-017, R-019)', async () => {
      const port = await start((response) => response.end(), false)
      expect(await (await fetch(`http://127.0.0.1:${port}/element`)).text()).toBe(
        '<link rel="aauth-resource" href="https://rs.example/.well-known/aauth-resource.json">',
      )
    })
  })

  it('is on answers over HTTP/2, without content too', async () => {
    const app = fastify({ http2: true })
    await app.register(plugin, { resource, metadataLink: true })
    app.get('/', { config: { aauth: optional } }, (_request, reply) => {
      reply.hijack()
      reply.raw.end()
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const client = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
    close = async () => {
      client.close()
      await app.close()
    }
    const [headers] = await once(client.request({ ':path': '/' }).end(), 'response')
    expect((headers as Record<string, unknown>)['link']).toBe(field)
  })
})

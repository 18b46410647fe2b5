import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Agent, assertGuarded, createKey, createTown, type Town } from '@countersign/devkit'
import { aauth, deny, type FastifyOptions, readOnly } from '@countersign/fastify'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyRequest,
  type RouteOptions,
} from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const signingKey = createKey().privateJwk
let town: Town
let sam: Agent
let app: FastifyInstance
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
  app = fastify({ forceCloseConnections: true })
})
afterEach(async () => {
  await app.close()
  await town.close()
})
const options = (more: Partial<FastifyOptions> = {}): FastifyOptions => ({
  resource: 'https://rs.example',
  signingKeys: [signingKey],
  scopes: { 'data.read': 'Read the data' },
  fetch: town.fetchAs('rs.example'),
  ...more,
})
const listen = async (): Promise<void> => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  town.route('rs.example', (app.server.address() as AddressInfo).port)
}
const url = (path: string): string => `https://rs.example${path}`
const unsigned = async (path: string, init?: RequestInit): Promise<number> =>
  (await town.fetch(url(path), init)).status
const signed = async (path: string, init?: RequestInit): Promise<number> =>
  (await sam.fetch(url(path), init)).status
/** A context in which something is declared. */
const within =
  (declare: (child: FastifyInstance) => unknown): FastifyPluginAsync =>
  async (child) => {
    await declare(child)
  }
const agentOnly = { config: { aauth: 'agent' } } as const

/** What every route that declares `agent` has to do, however it came to declare it. */
const expectGuarded = async (...paths: readonly string[]): Promise<void> => {
  for (const path of paths) expect([path, await unsigned(path), await signed(path)]).toEqual([path, 401, 200])
}

describe('what a Fastify route declares is enforced [adapter fastify]', () => {
  it('when a hook that was added later says it', async () => {
    await app.register(aauth, options())
    app.addHook('onRoute', (route) => {
      route.config = { aauth: 'agent', ...route.config } as NonNullable<RouteOptions['config']>
    })
    app.get('/silent', async () => 'x')
    app.get('/open', { config: { aauth: false } }, async () => 'x')
    await app.register(within((child) => child.get('/child', async () => 'x')))
    await listen()
    await expectGuarded('/silent', '/child')
    expect(await unsigned('/open')).toBe(200)
  })

  it('when a plugin replaces the route’s hooks', async () => {
    await app.register(aauth, options())
    const seen: (string | undefined)[] = []
    app.addHook('onRoute', (route) => {
      if (route.url !== '/replaced') return
      route.onRequest = async (request: FastifyRequest) => void seen.push(request.aauth?.kind)
    })
    app.get('/replaced', agentOnly, async (request) => request.aauth.agent)
    app.post('/replaced', agentOnly, async (request) => request.body)
    await listen()
    await expectGuarded('/replaced')
    const body = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } }
    expect([await unsigned('/replaced', body), await signed('/replaced', body)]).toEqual([401, 200])
  })

  it('when its configuration is another route’s, copied or shared', async () => {
    let copied: object = {}
    await app.register(aauth, options())
    app.addHook('onRoute', (route) => {
      if (route.url === '/first') copied = { ...route.config }
    })
    app.get('/first', agentOnly, async () => 'x')
    app.get('/copied', { config: copied }, async () => 'x')
    app.get('/shared', agentOnly, async () => 'x')
    await app.register(within((child) => child.get('/child', { config: copied }, async () => 'x')))
    await listen()
    await expectGuarded('/first', '/copied', '/shared', '/child')
  })

  it('by every method, HEAD and prefixes included, by wildcards and constraints', async () => {
    await app.register(aauth, options())
    app.route({ method: ['GET', 'PUT', 'OPTIONS'], url: '/several', ...agentOnly, handler: async () => 'x' })
    app.all('/all/*', agentOnly, async () => 'x')
    app.get('/hosts', { ...agentOnly, constraints: { host: 'rs.example' } }, async () => 'x')
    await app.register(
      within((child) => child.get('/', agentOnly, async () => 'x')),
      {
        prefix: '/prefix',
      },
    )
    await listen()
    await expectGuarded('/several', '/all/x', '/hosts', '/prefix', '/prefix/')
    for (const method of ['HEAD', 'PUT', 'OPTIONS']) expect(await unsigned('/several', { method })).toBe(401)
    expect(await unsigned('/hosts', { method: 'HEAD' })).toBe(401)
  })

  it('by the handler for what is not found, even where another handler calls it', async () => {
    await app.register(aauth, options())
    app.setNotFoundHandler({ ...agentOnly } as object, async (_request, reply) => reply.code(200).send('x'))
    app.get('/elsewhere', (_request, reply) => void reply.callNotFound())
    await listen()
    await expectGuarded('/nowhere', '/elsewhere')
  })

  it('where the plugin is not awaited, and where it comes last', async () => {
    app.get('/before', agentOnly, async () => 'x')
    void app.register(within((child) => child.get('/child', agentOnly, async () => 'x')))
    void app.register(aauth, options())
    app.get('/after', agentOnly, async () => 'x')
    await listen()
    await expectGuarded('/before', '/child', '/after')
  })

  it('with what its context says, wherever in the context that is said', async () => {
    await app.register(aauth, options())
    await app.register(
      within(async (child) => {
        child.post('/closed', agentOnly, async () => 'x')
        child.aauth = child.aauth.with({ policy: readOnly })
        await child.register(
          within(async (inner) => {
            inner.aauth = inner.aauth.with({ policy: () => deny('no') })
            inner.get('/inner', agentOnly, async () => 'x')
          }),
        )
      }),
    )
    app.post('/open', agentOnly, async () => 'x')
    await listen()
    expect(await signed('/closed', { method: 'POST' })).toBe(403)
    expect(await signed('/inner')).toBe(403)
    expect(await signed('/open', { method: 'POST' })).toBe(200)
  })

  it('by a plugin within the scope of another, with its own resource', async () => {
    await app.register(aauth, options())
    app.get('/outer', agentOnly, async () => 'x')
    await app.register(
      within(async (child) => {
        await child.register(aauth, {
          resource: 'https://other.example',
          fetch: town.fetch,
          endpoints: false,
        })
        child.get('/inner', agentOnly, async () => 'x')
      }),
    )
    await listen()
    await expectGuarded('/outer')
    // Signed for the outer one.
    expect(await signed('/inner')).toBe(401)
  })

  it('on upgrades', async () => {
    await app.register(websocket)
    await app.register(aauth, options())
    app.get('/socket', { websocket: true, ...agentOnly }, (socket) => socket.send('open'))
    await listen()
    const { port } = app.server.address() as AddressInfo
    const upgrade = (headers: readonly (readonly [string, string])[]): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = get({ port, path: '/socket', headers: Object.fromEntries(headers) })
        sent.on('upgrade', (_response, socket) => {
          socket.destroy()
          resolve(101)
        })
        sent.on('response', ({ statusCode = 0 }) => resolve(statusCode)).on('error', reject)
      })
    const wanted = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
    ] as const
    expect(await upgrade(wanted)).toBe(401)
    const { rawHeaders } = await sam.sign({ url: url('/socket') })
    const fields = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [[name, rawHeaders[i + 1] as string] as const] : [],
    )
    expect(await upgrade([...fields, ...wanted])).toBe(101)
  })
})

describe('a slip of the pen in a Fastify route [adapter fastify]', () => {
  it.each([
    [{ aauth: undefined }, 'config.aauth: is undefined'],
    [{ aAuth: 'agent' }, 'config.aAuth: is not known'],
    [{ AAUTH: 'agent' }, 'config.AAUTH: is not known'],
    [{ a_auth: 'agent' }, 'config.a_auth: is not known'],
    [{ aaut: 'agent' }, 'config.aaut: is not known'],
    [{ aauht: 'agent' }, 'config.aauht: is not known'],
    [{ aautb: 'agent' }, 'config.aautb: is not known'],
    [{ aaauth: 'agent' }, 'config.aaauth: is not known'],
    [Object.create({ aauth: 'agent' }), 'config.aauth: is inherited or hidden'],
    [Object.defineProperty({}, 'aauth', { value: 'agent' }), 'config.aauth: is inherited or hidden'],
    [{ aauth: null }, 'require: expected'],
    [{ aauth: true }, 'require: expected'],
    [{ aauth: 'agents' }, 'require: expected'],
    [{ aauth: { identity: 'agent', or: [] } }, 'require: or: must be a function or a list of at least one'],
    [{ aauth: { identity: 'agent', policy: undefined } }, 'require: policy: must be a function'],
  ])('%o is a TypeError that names the route', async (config, message) => {
    await app.register(aauth, options())
    const fault = ((): string => {
      try {
        app.get('/x', { config: config as object }, async () => 'x')
        return 'accepted'
      } catch (error) {
        return error instanceof TypeError ? error.message : 'no TypeError'
      }
    })()
    expect(fault).toContain(`GET /x: ${message}`)
  })

  it.each([
    [{ aauth: 'agent' }, 'aauth: is not looked at'],
    [{ AAuth: 'agent' }, 'AAuth: is not looked at'],
    [{ confg: { aauth: 'agent' } }, 'confg: is not looked at'],
    [{ schema: { aauth: 'agent' } }, 'schema: is not looked at'],
  ])('beside the configuration, %o, is one too', async (beside, message) => {
    await app.register(aauth, options())
    expect(() => app.get('/x', beside as object, async () => 'x')).toThrow(`GET /x: ${message}`)
  })

  it('is none where others have names alike', async () => {
    await app.register(aauth, options())
    app.get('/x', { config: { auth: true, oauth: 'x', authn: 1 } as object }, async () => 'x')
    await listen()
    expect(await unsigned('/x')).toBe(200)
  })

  it('is told where the plugin is registered twice, or called', async () => {
    await app.register(aauth, options())
    // A context may have a server of its own.
    await app.register(
      within(async (child) => {
        await child.register(aauth, options({ endpoints: false }))
      }),
    )
    await expect(app.register(aauth, options({ resource: 'https://other.example' }))).rejects.toThrow(
      'the plugin is registered here already',
    )
    const called = aauth as unknown as (given?: FastifyOptions) => Promise<void>
    await expect(called(options())).rejects.toThrow('app.register(aauth, { … })')
    await expect(called()).rejects.toThrow('app.register(aauth, { … })')
  })

  it('that Fastify drops is told whichever hook judges', async () => {
    await app.register(aauth, options({ hook: 'preParsing' }))
    class Config {
      get aauth(): 'agent' {
        return 'agent'
      }
    }
    expect(() => app.get('/x', { config: new Config() }, async () => 'x')).toThrow(
      'GET /x: config.aauth: is inherited or hidden',
    )
  })

  it.each(['onRequest', 'preParsing'] as const)(
    'of a hook that says it when it is too late answers 500; judged in %s',
    async (hook) => {
      await app.register(aauth, options({ hook }))
      app.addHook('onRoute', async (route) => {
        await Promise.resolve()
        route.config = { ...route.config, aauth: 'agent' } as NonNullable<RouteOptions['config']>
      })
      app.get('/x', async () => 'x')
      await listen()
      expect(app.aauth.routes()).toContainEqual({ method: 'GET', path: '/x', aauth: 'agent' })
      expect([await unsigned('/x'), await signed('/x')]).toEqual([500, 500])
    },
  )

  it('that a later hook makes does not start', async () => {
    await app.register(aauth, options())
    app.addHook('onRoute', (route) => {
      route.config = { ...route.config, aauth: undefined } as unknown as NonNullable<RouteOptions['config']>
    })
    app.get('/x', async () => 'x')
    await expect(app.ready()).rejects.toThrow('GET /x: config.aauth: is undefined')
  })

  it('of a hook that replaces what the route said does not start', async () => {
    await app.register(aauth, options())
    app.addHook('onRoute', (route) => {
      route.config = { limit: 7 } as unknown as NonNullable<RouteOptions['config']>
    })
    app.get('/x', agentOnly, async () => 'x')
    await expect(app.ready()).rejects.toThrow('GET /x: config.aauth was there, and a hook has replaced')
  })

  it('that was made before the plugin came answers 500', async () => {
    app.get('/x', { config: { aauth: undefined as never } }, async () => 'x')
    await app.register(aauth, options())
    await listen()
    expect(await unsigned('/x')).toBe(500)
  })

  it.each([
    [{ onError: undefined }, "option onError: must be 'answer' or 'throw'"],
    [{ endpoints: undefined }, 'option endpoints: must be true, false or { constraints }'],
    [{ endpoints: { constrains: {} } }, 'option endpoints: must be true, false or { constraints }'],
    [{ hook: 'onRequests' }, "option hook: must be 'onRequest' or 'preParsing'"],
    [{ secureByDefault: 1 }, 'option secureByDefault: must be a boolean'],
    [{ polcy: () => false }, 'option polcy: is not known'],
  ])('an option of %o: %s', async (more, message) => {
    await expect(app.register(aauth, options(more as never))).rejects.toThrow(message)
  })
})

describe('secureByDefault [adapter fastify]', () => {
  it('does not start while a route says nothing', async () => {
    await app.register(aauth, options({ secureByDefault: true }))
    app.get('/said', agentOnly, async () => 'x')
    app.get('/silent', async () => 'x')
    await app.register(
      within((child) => child.post('/too', async () => 'x')),
      { prefix: '/child' },
    )
    await expect(app.ready()).rejects.toThrow(
      'config.aauth is missing, a requirement or false: GET /silent, HEAD /silent, POST /child/too',
    )
  })

  it('starts when every route says something, and lists what', async () => {
    await app.register(aauth, options({ secureByDefault: true }))
    app.get('/said', agentOnly, async () => 'x')
    app.post('/open', { config: { aauth: false } }, async () => 'x')
    await listen()
    await expectGuarded('/said')
    expect(await unsigned('/open', { method: 'POST' })).toBe(200)
    const routes = app.aauth.routes()
    expect(routes).toEqual([
      { method: 'GET', path: '/said', aauth: 'agent' },
      { method: 'HEAD', path: '/said', aauth: 'agent' },
      { method: 'POST', path: '/open', aauth: false },
    ])
    expect(() => assertGuarded(routes)).not.toThrow()
  })

  it('wants to come before every route', async () => {
    app.get('/early', agentOnly, async () => 'x')
    await expect(app.register(aauth, options({ secureByDefault: true }))).rejects.toThrow(
      'option secureByDefault: register and await the plugin before any route is declared',
    )
  })

  it('names the preflight route of a plugin that registers it, and starts when a hook says it is open', async () => {
    const preflights = (server: FastifyInstance): void => void server.options('*', async () => '')
    await app.register(aauth, options({ secureByDefault: true }))
    preflights(app)
    await expect(app.ready()).rejects.toThrow(
      'OPTIONS * (a route of another plugin, as OPTIONS * of @fastify/cors',
    )
    const other = fastify()
    other.addHook('onRoute', (route) => {
      if (route.url === '*')
        route.config = { ...route.config, aauth: false } as NonNullable<RouteOptions['config']>
    })
    await other.register(aauth, options({ secureByDefault: true }))
    preflights(other)
    await other.ready()
    await other.close()
  })

  it.each([
    ['in a context warns that routes elsewhere may be silent', true],
    ['at the root does not warn', false],
  ])('%s', async (_, nested) => {
    const warned: string[] = []
    const hear = (warning: Error & { code?: string }): void => void warned.push(warning.code ?? '')
    process.on('warning', hear)
    try {
      const given = options({ secureByDefault: true })
      if (nested) await app.register(within((child) => child.register(aauth, given)))
      else await app.register(aauth, given)
      await app.ready()
      await new Promise((resolve) => setImmediate(resolve))
      expect(warned.includes('AAUTH_SECURE_BY_DEFAULT')).toBe(nested)
    } finally {
      process.off('warning', hear)
    }
  })

  it('lists the root of a prefix by both its paths', async () => {
    await app.register(aauth, options({ secureByDefault: true }))
    await app.register(
      within((child) => child.get('/', agentOnly, async () => 'x')),
      { prefix: '/o' },
    )
    await app.ready()
    const paths = app.aauth.routes().map(({ method, path }) => `${method} ${path}`)
    expect(paths.toSorted()).toEqual(['GET /o', 'GET /o/', 'HEAD /o', 'HEAD /o/'])
  })

  it('is not asserted of a list that lacks what was declared before the plugin', async () => {
    app.get('/open', async () => 'x')
    await app.register(aauth, options())
    app.get('/said', agentOnly, async () => 'x')
    await app.ready()
    expect(() => assertGuarded(app.aauth.routes())).toThrow('register and await the plugin first')
  })

  it.each([true, false])(
    'is not asserted of a plugin that was not awaited, with endpoints: %s',
    async (endpoints) => {
      void app.register(aauth, options({ endpoints }))
      app.get('/open', async () => 'x')
      await app.ready()
      expect(() => assertGuarded(app.aauth.routes())).toThrow('register and await the plugin first')
    },
  )

  it('is asserted of some route', async () => {
    await app.register(aauth, options())
    await app.ready()
    expect(() => assertGuarded(app.aauth.routes())).toThrow('register and await the plugin first')
  })

  it('is asserted by a test of the application', async () => {
    await app.register(aauth, options())
    app.get('/silent', async () => 'x')
    await app.ready()
    expect(() => assertGuarded(app.aauth.routes())).toThrow('nothing is said of GET /silent, HEAD /silent')
  })
})

describe('what goes before the guard [adapter fastify]', () => {
  it('hooks of the instance do, in whatever order they are added; a route’s own see who was verified', async () => {
    const seen: string[] = []
    const note = (name: string) => async (request: FastifyRequest) =>
      void seen.push(`${name} ${request.aauth?.kind ?? 'nobody'}`)
    app.addHook('onRequest', note('before'))
    await app.register(aauth, options())
    app.addHook('onRequest', note('after'))
    app.get('/x', { ...agentOnly, onRequest: note('own') }, async () => 'x')
    await listen()
    expect(await unsigned('/x')).toBe(401)
    expect(seen).toEqual(['before nobody', 'after nobody'])
    expect(await signed('/x')).toBe(200)
    expect(seen.slice(2)).toContain('own agent')
  })

  it('a limiter that hooks into routes sees refused requests with `hook: preParsing`', async () => {
    await app.register(rateLimit, { max: 2 })
    await app.register(aauth, options({ hook: 'preParsing' }))
    app.get('/x', agentOnly, async () => 'x')
    await listen()
    expect([await unsigned('/x'), await unsigned('/x'), await unsigned('/x')]).toEqual([401, 401, 429])
  })

  it('or as a hook of the instance, without it', async () => {
    await app.register(rateLimit, { global: false })
    await app.register(aauth, options())
    app.addHook('onRequest', app.rateLimit({ max: 2 }))
    app.get('/x', agentOnly, async () => 'x')
    await listen()
    expect([await unsigned('/x'), await unsigned('/x'), await unsigned('/x')]).toEqual([401, 401, 429])
  })

  it('with `hook: preParsing`, content is still checked and parsed', async () => {
    await app.register(aauth, options({ hook: 'preParsing' }))
    const digest = { identity: 'agent', components: ['content-type', 'content-digest'] } as const
    app.post('/x', { config: { aauth: digest } }, async (request) => request.body)
    await listen()
    const body = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } }
    const answer = await sam.fetch(url('/x'), body)
    expect([answer.status, await answer.json()]).toEqual([200, { a: 1 }])
    expect(await unsigned('/x', body)).toBe(401)
  })
})

describe('our routes are ours [adapter fastify]', () => {
  it('and in no document of the application’s', async () => {
    await app.register(swagger)
    await app.register(aauth, options())
    app.get('/theirs', agentOnly, async () => 'x')
    await app.ready()
    expect(Object.keys(app.swagger().paths ?? {})).toEqual(['/theirs'])
  })
})

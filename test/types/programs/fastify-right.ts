// What keeps its type in Fastify, compiled as users compile it (types.test.ts).
import {
  type AAuthConfig,
  type AAuthHandler,
  type AAuthRequest,
  type Agent,
  aauth,
  type Caller,
  type Grant,
  type Person,
  requirement,
} from '@countersign/fastify'
import {
  type FastifyPluginAsyncTypebox,
  Type,
  type TypeBoxTypeProvider,
} from '@fastify/type-provider-typebox'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  type RouteGenericInterface,
  type RouteHandlerMethod,
} from 'fastify'
import type { FastifyPluginAsyncZod, ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'

const app = fastify()
app.register(aauth, { resource: 'https://notes.example', scopes: { 'notes.read': 'Read' } })
const config = { aauth: { scope: 'notes.read' } } as const

// Handlers and controllers that are declared elsewhere than their route.
const list: AAuthHandler<Grant> = async (request, reply) => {
  const sub: string = request.aauth.person.sub
  return reply.code(200).send({ sub })
}
const read: AAuthHandler<Grant, { Params: { id: string } }> = async (request) => {
  const texts: string[] = [request.params.id, request.aauth.person.sub]
  return { texts }
}
const wide: AAuthHandler<Person | Grant> = async (request) => request.aauth.person.sub
const whoever: AAuthHandler = async (request) => request.aauth.kind
const perhaps: AAuthHandler<Grant | null> = async (request) => request.aauth?.person.sub
app.get('/list', { config: { aauth: { scope: 'notes.read' } } }, list)
app.get('/read/:id', { config: { aauth: { scope: 'notes.read' } } }, read)
app.get('/wide', { config: { aauth: { scope: 'notes.read' } } }, wide)
app.get('/whoever', { config: { aauth: 'agent' } }, whoever)
app.get('/served', { config: { aauth: { scope: 'notes.read' } } }, perhaps)
app.get('/perhaps', { config: { aauth: { scope: 'notes.read', optional: true } } }, perhaps)
app.get('/handler', { config: { aauth: { scope: 'notes.read' } }, handler: list })
app.route({ method: 'GET', url: '/route', config: { aauth: { scope: 'notes.read' } }, handler: list })
app.get('/shared', { config }, async (request) => request.aauth.person.sub)

class Notes {
  readonly list: AAuthHandler<Grant> = async (request) => request.aauth.person
  async read(
    request: AAuthRequest<Grant, { Params: { id: string } }>,
    reply: FastifyReply,
  ): Promise<string[]> {
    reply.header('x-owner', request.aauth.person.sub)
    return [request.params.id]
  }
}
const notes = new Notes()
app.get('/notes', { config: { aauth: { scope: 'notes.read' } } }, notes.list)
app.get('/notes/:id', { config: { aauth: { scope: 'notes.read' } } }, notes.read.bind(notes))
app.get('/notes/:id/again', { config: { aauth: { scope: 'notes.read' } } }, notes.read)

// Generics of one's own.
app.get<{ Params: { id: string } }, AAuthConfig<Grant>>(
  '/generic/:id',
  { config: { aauth: { scope: 'notes.read' } } },
  async (request) => {
    const texts: string[] = [request.params.id, request.aauth.person.sub]
    return texts
  },
)
app.get<{ Params: { id: string } }, AAuthConfig<Grant>>(
  '/given/:id',
  { config: { aauth: { scope: 'notes.read' } } },
  read,
)
app.get<{ Querystring: { q: string } }, AAuthConfig<Agent>>(
  '/agent',
  { config: { aauth: 'agent' } },
  async (request) => {
    const texts: string[] = [request.query.q, request.aauth.agent]
    return texts
  },
)
app.get<{ Params: { id: string } }, AAuthConfig<Grant | null>>(
  '/optional/:id',
  { config: { aauth: { scope: 'notes.read', optional: true } } },
  async (request) => request.aauth?.person.sub,
)
app.get<{ Params: { id: string } }, AAuthConfig<Grant & { account: string }>>(
  '/accounts/:id',
  { config: { aauth: { scope: 'notes.read', account: () => 'a' } } },
  async (request) => {
    const account: string = request.aauth.account
    return account
  },
)
app.route<{ Params: { id: string } }>({
  method: 'GET',
  url: '/unsaid/:id',
  config: { aauth: { scope: 'notes.read' } },
  handler: async (request) => {
    const caller: Caller | null = request.aauth
    return [caller?.kind, request.params.id]
  },
})

// Functions that handlers call, and handlers of Fastify's own types.
const ownerOf = (request: AAuthRequest<Grant>): string => request.aauth.person.sub
const kindOf = (request: FastifyRequest): string | undefined => request.aauth?.kind
const plain: RouteHandlerMethod = async (request) => request.aauth?.kind
app.get('/helped', { config: { aauth: { scope: 'notes.read' } } }, async (request) => [
  ownerOf(request),
  kindOf(request),
])
app.get('/plain', { config: { aauth: { scope: 'notes.read' } } }, plain)

// Hooks of a route know its caller; hooks of a context see every route's.
app.get(
  '/hooked',
  {
    config: { aauth: { scope: 'notes.read' } },
    preHandler: async (request) => {
      const sub: string = request.aauth.person.sub
      request.log.debug({ sub })
    },
  },
  list,
)
app.addHook('preHandler', async (request) => {
  const caller: Caller | null = request.aauth
  request.log.debug({ kind: caller?.kind })
})

// Plugins and contexts.
const plugin: FastifyPluginAsync = async (context) => {
  context.aauth = context.aauth.with({ observe: false })
  context.get('/', { config: { aauth: 'agent' } }, async (request) => {
    const agent: string = request.aauth.agent
    return agent
  })
  context.get('/list', { config: { aauth: { scope: 'notes.read' } } }, list)
}
const routes = (context: FastifyInstance, _options: unknown, done: () => void): void => {
  context.get('/', { config: { aauth: 'agent' } }, async (request) => request.aauth.agent)
  done()
}
app.register(plugin, { prefix: '/v1' })
app.register(routes, { prefix: '/v2' })

// TypeBox.
const typebox: FastifyPluginAsyncTypebox = async (context) => {
  context.get(
    '/:id',
    { schema: { params: Type.Object({ id: Type.String() }) }, config: { aauth: { scope: 'notes.read' } } },
    async (request) => {
      const texts: string[] = [request.params.id, request.aauth.person.sub, ownerOf(request)]
      return texts
    },
  )
}
app.register(typebox)
const withTypebox = app.withTypeProvider<TypeBoxTypeProvider>()
withTypebox.get('/typebox', { config: { aauth: { scope: 'notes.read' } } }, list)
withTypebox.get(
  '/typebox/:id',
  { schema: { params: Type.Object({ id: Type.String() }) }, config: { aauth: { scope: 'notes.read' } } },
  read,
)

// Zod.
const zod: FastifyPluginAsyncZod = async (context) => {
  context.post(
    '/:id',
    { schema: { body: z.object({ count: z.number() }) }, config: { aauth: { scope: 'notes.read' } } },
    async (request) => {
      const count: number = request.body.count
      const sub: string = request.aauth.person.sub
      return [count, sub, ownerOf(request)]
    },
  )
}
app.register(zod)
app
  .withTypeProvider<ZodTypeProvider>()
  .get(
    '/zod/:id',
    { schema: { params: z.object({ id: z.string() }) }, config: { aauth: { scope: 'notes.read' } } },
    read,
  )

// A requirement by itself.
const both = requirement({ scope: ['notes.read'], tenant: true })
app.get('/both', { config: { aauth: both } }, async (request) => {
  const tenant: string = request.aauth.tenant
  return tenant
})

// Applications with a logger of their own, or with HTTP/2.
interface OwnLogger extends FastifyBaseLogger {
  bindings(): object
}
declare const loggerInstance: OwnLogger
const logging = fastify({ loggerInstance })
const second = fastify({ http2: true })
logging.register(aauth, { resource: 'https://notes.example' })
second.register(aauth, { resource: 'https://notes.example' })
const logged: AAuthHandler<Grant, RouteGenericInterface, typeof logging> = async (request) => {
  const texts: [string, object] = [request.aauth.person.sub, request.log.bindings()]
  return texts
}
const overHttp2: AAuthHandler<Grant, { Params: { id: string } }, typeof second> = async (request) => {
  const texts: string[] = [request.params.id, request.aauth.person.sub, request.raw.authority]
  return texts
}
const asked = (request: AAuthRequest<Grant, RouteGenericInterface, typeof logging>): string =>
  request.aauth.person.sub
logging.get('/', { config: { aauth: { scope: 'notes.read' } } }, logged)
logging.get('/asked', { config: { aauth: { scope: 'notes.read' } } }, async (request) => asked(request))
second.get('/:id', { config: { aauth: { scope: 'notes.read' } } }, overHttp2)

// Users of the application, of the type that AAuthTypes says, or of any.
const mine: AAuthHandler<Grant & { readonly user: object | string }> = async (request) => {
  const user: object | string = request.aauth.user
  return user
}
app.get('/mine', { config: { aauth: { scope: 'notes.read', user: true } } }, mine)
app.get('/mine/some', { config: { aauth: { identity: 'person', user: () => true } } }, async (request) => {
  const user: object | string = request.aauth.user
  return user
})

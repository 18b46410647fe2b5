import type { RequestListener } from 'node:http'
import {
  AAuthError,
  type Answer,
  type Answered,
  createResourceServer,
  fromNode,
  isPending,
  nodeHost,
  type Outcome,
  type ResourceOptions,
  writeAnswer,
} from '@countersign/core'
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestHookHandler,
} from 'fastify'
import fp from 'fastify-plugin'
import { type OtherWay, runOther } from './other-way.js'
import type { Requirement } from './request.js'
import { guardEarlyRoutes, markGuarded, refuseOutsiders } from './stray-routes.js'
import { trustsEveryProxy } from './trust-proxy.js'

/** Options of the plugin: those of the resource server, and how Fastify is to be told of refusals. */
export interface FastifyOptions extends ResourceOptions<FastifyRequest> {
  /**
   * `answer` (default): challenges and refusals are sent here. `throw`: they are thrown as an {@link AAuthError} with
   * `statusCode` and `headers`, and the application's error handler has to send both.
   */
  readonly onError?: 'answer' | 'throw'
  /**
   * Whether our own endpoints (metadata, keys) are added to this instance. Default `true`; they need an instance
   * without prefix.
   */
  readonly endpoints?: boolean
}

type Done = HookHandlerDoneFunction

const plugin: FastifyPluginAsync<FastifyOptions> = async (app, options) => {
  const { onError = 'answer', endpoints = true, ...resourceOptions } = options
  if (onError !== 'answer' && onError !== 'throw')
    throw new TypeError("option onError: must be 'answer' or 'throw'")
  const server = createResourceServer<FastifyRequest, OtherWay>(resourceOptions)
  app.decorate('aauth', server)
  app.decorateRequest('aauth', null as never)
  app.decorateRequest('aauthObserved', null)
  app.addHook('onClose', async () => server.close())

  const refuse = (outcome: Answered, reply: FastifyReply, done: Done): void => {
    const { code, detail, answer } = outcome
    // A `202` is no error: the call waits.
    if (onError === 'answer' || answer.status < 400) send(answer, reply)
    else done(new AAuthError(code, answer.status, answer.headers, detail))
  }

  // What verification takes from the wire is not changed by it, but what handlers see is.
  let proxiesJudged = false
  const judgeProxies = (request: FastifyRequest): void => {
    proxiesJudged = true
    if (trustsEveryProxy(request)) server.diagnose('AAUTH_TRUST_PROXY')
  }

  const guard = (requirement: Requirement, context: FastifyInstance = app): onRequestHookHandler => {
    const route = context.aauth.require(requirement)
    const other = typeof requirement === 'string' ? undefined : requirement.or
    const conclude = (outcome: Outcome, request: FastifyRequest, reply: FastifyReply, done: Done): void => {
      // The application has answered meanwhile: whoever was told that it failed must not find it done.
      if (reply.sent) return
      if (outcome.observed !== undefined) request.aauthObserved = outcome.observed
      if (outcome.served) {
        if (outcome.headers !== undefined) reply.headers(outcome.headers)
        request.aauth = (outcome.caller ?? null) as FastifyRequest['aauth']
        done()
      } else if (outcome.or === true && other !== undefined) {
        runOther(other, outcome, [context, request, reply, done])
      } else refuse(outcome, reply, done)
    }
    return function aauthGuard(request, reply, done) {
      if (!proxiesJudged) judgeProxies(request)
      const params = request.params as Readonly<Record<string, string>>
      const outcome = route.check(fromNode(request.raw, request.originalUrl), { params, raw: request })
      // The usual request is decided at once; a promise would be its dearest part beside the verification.
      if (isPending(outcome))
        void Promise.resolve(outcome)
          .then((late) => conclude(late, request, reply, done))
          .catch(done)
      else conclude(outcome, request, reply, done)
    }
  }

  // The guard goes first, before the route's own hooks, so that none of them sees an unverified request. `this` is the
  // context that declares the route, whose `aauth` may say more than ours (`with`).
  app.addHook('onRoute', function (this: FastifyInstance, route) {
    const requirement = route.config?.aauth
    if (requirement === undefined || requirement === false) return
    const own = route.onRequest === undefined ? [] : [route.onRequest].flat()
    route.onRequest = [guard(requirement, this), ...own] as NonNullable<typeof route.onRequest>
    route.config = markGuarded(route.config)
  })
  guardEarlyRoutes(app, guard)
  refuseOutsiders(app)

  if (endpoints) addEndpoints(app)
}

// Answered in `onRequest`, before Fastify judges the content type of what was sent.
function addEndpoints(app: FastifyInstance): void {
  if (app.prefix !== '') {
    throw new TypeError(
      'option endpoints: well-known paths cannot move under a prefix; register the plugin at the root',
    )
  }
  const listener: RequestListener = (message, response) => app.routing(message, response)
  for (const { path, prefix } of app.aauth.endpoints) {
    app.route({
      method: app.supportedMethods,
      url: prefix === true ? `${path}*` : path,
      exposeHeadRoute: false,
      onRequest: async (request, reply) =>
        send(
          (await app.aauth.handle(
            fromNode(request.raw, request.originalUrl),
            nodeHost(listener, request.raw, request),
          )) ?? notFound,
          reply,
        ),
      handler: () => undefined,
    })
  }
}

// What a router with laxer ideas of paths lets through to a prefix of ours.
const notFound: Answer = { status: 404, headers: {}, body: '' }

// To text of a JSON type Fastify adds a charset that RFC 9457 does not have, unless it has a serializer; bytes would need
// a packet of their own.
function send(answer: Answer, reply: FastifyReply): FastifyReply {
  if (answer.raw !== undefined) {
    reply.hijack()
    writeAnswer(answer, reply.raw)
    return reply
  }
  reply.code(answer.status).headers(answer.headers)
  return answer.body === '' ? reply.send() : reply.serializer(asIs).send(answer.body)
}

const asIs = (body: string): string => body

/** AAuth for Fastify 5. Routes say what they require in `config.aauth`; register it before they are declared. */
export const aauth: FastifyPluginAsync<FastifyOptions> = fp(plugin, {
  name: '@countersign/fastify',
  fastify: '5.x',
})

/** What `fastify.aauth` is. */
export type FastifyGuard = FastifyInstance['aauth']

import { createResourceServer, type ResourceOptions } from '@countersign/core'
import { callIdOf, fromEnvironment, fromNode, type PartialOptions } from '@countersign/core/adapter'
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { connectSuppliers } from './connect-suppliers.js'
import { addEndpoints, type EndpointOptions } from './endpoints.js'
import { type GuardSettings, judged, settingsOf } from './enforce.js'
import type { OtherWay } from './other-way.js'
import type { FastifyGuard, UserByDefault } from './request.js'
import { guardRoutes, refuseOutsiders } from './routes.js'

/** The options of the plugin: those of the resource server, and some for Fastify. */
export interface FastifyOptions extends PartialOptions<ResourceOptions<FastifyRequest, UserByDefault>> {
  /**
   * Who answers challenges and refusals. `answer` (default): the plugin. `throw`: the application's error handler,
   * which gets an `AAuthError` and must send its `statusCode` and `headers`.
   */
  readonly onError?: 'answer' | 'throw'
  /**
   * Whether our own endpoints (metadata, keys and others) are added to this instance, and for which requests. Default
   * `true`; they need an instance without a prefix.
   */
  readonly endpoints?: boolean | EndpointOptions
  /**
   * When requests are checked. `onRequest` (default): before a route's own hooks, after those of the instance.
   * `preParsing`: after all `onRequest` hooks, so that rate limiters that hook into routes see refused requests too.
   */
  readonly hook?: 'onRequest' | 'preParsing'
  /**
   * Whether every route of this scope must declare a requirement in `config.aauth`, or `false` if it is open on
   * purpose. Otherwise the application does not start. Default `false`: a route without a declaration is open. If the
   * plugin is registered in a context, routes outside it are not checked, and a Node warning
   * (`AAUTH_SECURE_BY_DEFAULT`) says so.
   */
  readonly secureByDefault?: boolean
}

const plugin: FastifyPluginAsync<FastifyOptions> = async (app, options) => {
  if (typeof (app as Partial<FastifyInstance> | undefined)?.decorate !== 'function')
    throw new TypeError(
      'aauth is the plugin itself: app.register(aauth, { … }), not app.register(aauth({ … }))',
    )
  if (Object.hasOwn(app, 'aauth'))
    throw new TypeError(
      'the plugin is registered here already, or something else is named aauth: register it once; rules for a part of the application are app.aauth.with({ … })',
    )
  const { own, resource } = readOptions(options)
  // The option `logger` wins; if the application's own logger is silent, the console is used.
  const logs = !('logger' in resource) && !isSilent(app.log)
  const { options: complete, close } = fromEnvironment<ResourceOptions<FastifyRequest, UserByDefault>>(
    connected(resource),
    {
      from: import.meta.url,
    },
  )
  const server = createResourceServer<FastifyRequest, OtherWay>(
    logs ? { ...complete, logger: app.log } : complete,
  )
  // Before Fastify waits for open requests: otherwise it would wait for long polls, whose length a stranger chose.
  app.addHook('preClose', async () => server.close())
  app.addHook('onClose', async () => {
    server.close()
    await close()
  })
  const { onAnswers, field } = server.metadataLink
  const link = onAnswers ? field : undefined
  const settings: GuardSettings = { onError: own.onError, logs, proxiesJudged: false, link }
  const guardOf = (of: typeof server): FastifyGuard => {
    const guard: FastifyGuard = {
      ...of,
      onward: (request) => of.onward('raw' in request ? fromNode(request.raw, request.originalUrl) : request),
      with: (defaults) => guardOf(of.with(defaults)),
      routes: () => routes(),
    }
    settingsOf.set(guard, settings)
    return guard
  }
  app.decorate('aauth', guardOf(server))
  // An enclosing plugin has decorated requests already.
  if (!app.hasRequestDecorator('aauth')) {
    app.decorateRequest('aauth', null as never)
    app.decorateRequest('aauthObserved', null)
    // Computed only when it is read.
    app.decorateRequest('aauthCallId', {
      getter(this: FastifyRequest) {
        return callIdOf(fromNode(this.raw))
      },
    })
    app.decorateRequest(judged as never, null as never)
  }
  const routes = guardRoutes(app, own)
  refuseOutsiders(app)
  if (own.endpoints !== false) addEndpoints(app, own.endpoints === true ? {} : own.endpoints, logs)
}

/** Whether this is the logger of an application without one: all its methods are the same empty function. */
function isSilent({ error, trace }: FastifyBaseLogger): boolean {
  return error === trace
}

/** Adds the agent that call chaining needs. */
function connected(options: PartialOptions<ResourceOptions<FastifyRequest, UserByDefault>>): typeof options {
  const { onward } = options
  return typeof onward === 'object' && onward !== null
    ? { ...options, onward: { connect: connectSuppliers, ...onward } }
    : options
}

/** Separates the plugin's own options, and checks them. The resource server checks the others. */
function readOptions(options: FastifyOptions): {
  readonly own: Required<Pick<FastifyOptions, 'onError' | 'endpoints' | 'hook' | 'secureByDefault'>>
  readonly resource: PartialOptions<ResourceOptions<FastifyRequest, UserByDefault>>
} {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(
      'option resource: is missing; options are an object with at least the https:// origin of this API',
    )
  const { onError, endpoints, hook, secureByDefault, ...resource } = options
  const given = { onError, endpoints, hook, secureByDefault }
  for (const [name, isGood, expected] of ownOptions) {
    if (name in options && !isGood(given[name])) throw new TypeError(`option ${name}: must be ${expected}`)
  }
  return {
    own: {
      onError: onError ?? 'answer',
      endpoints: endpoints ?? true,
      hook: hook ?? 'onRequest',
      secureByDefault: secureByDefault ?? false,
    },
    resource,
  }
}

const ownOptions: readonly (readonly [
  'onError' | 'endpoints' | 'hook' | 'secureByDefault',
  (value: unknown) => boolean,
  string,
])[] = [
  ['onError', (value) => value === 'answer' || value === 'throw', "'answer' or 'throw'"],
  [
    'endpoints',
    (value) => typeof value === 'boolean' || isEndpointOptions(value),
    'true, false or { constraints }',
  ],
  ['hook', (value) => value === 'onRequest' || value === 'preParsing', "'onRequest' or 'preParsing'"],
  ['secureByDefault', (value) => typeof value === 'boolean', 'a boolean'],
]

function isEndpointOptions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { constraints, ...more } = value as EndpointOptions
  return typeof constraints === 'object' && constraints !== null && Object.keys(more).length === 0
}

/**
 * AAuth for Fastify 5. Routes declare what they require in `config.aauth`; register the plugin before them. The
 * environment can provide `resource`, `signingKeys` and `store`, and outside production a key is made if none is
 * given. `app.close()` closes what the plugin opened.
 *
 * @example
 * ```ts
 * import { aauth } from '@countersign/fastify'
 * import Fastify from 'fastify'
 *
 * const app = Fastify()
 * await app.register(aauth, {
 *   resource: 'https://notes.example',
 *   signingKeys: process.env['NOTES_KEY'] ?? '', // or leave it to AAUTH_SIGNING_KEYS
 *   scopes: { 'notes.read': 'Read your notes' },
 * })
 * app.get('/notes', { config: { aauth: { scope: 'notes.read' } } }, async (request) => ({
 *   owner: request.aauth.person.sub,
 * }))
 * ```
 */
export const aauth: FastifyPluginAsync<FastifyOptions> = fp(plugin, {
  name: '@countersign/fastify',
  fastify: '5.x',
})

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
   * `answer` (default): the plugin sends challenges and refusals. `throw`: they are thrown as an `AAuthError` with
   * `statusCode` and `headers`, and the application's error handler has to send both.
   */
  readonly onError?: 'answer' | 'throw'
  /**
   * Whether our own endpoints (metadata, keys and others) are added to this instance, and for which requests. Default
   * `true`; they need an instance without prefix.
   */
  readonly endpoints?: boolean | EndpointOptions
  /**
   * When requests are judged. `onRequest` (default): before a route's own hooks, after those of the instance.
   * `preParsing`: after all `onRequest` hooks, so that limiters that hook into routes see refused requests, too.
   */
  readonly hook?: 'onRequest' | 'preParsing'
  /**
   * The application does not start while a route of this scope says nothing in `config.aauth`: a requirement, or `false`
   * where it is open on purpose. Default `false`: a route that says nothing is open. In a context it says nothing of routes
   * elsewhere, and a Node warning (`AAUTH_SECURE_BY_DEFAULT`) tells so.
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
  // One that is given wins, and so does the console where the application's own says nothing.
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
  // Before Fastify waits for the requests in flight: a long poll would have it wait for as long as a stranger asked for.
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
  // A plugin around this one has decorated requests already.
  if (!app.hasRequestDecorator('aauth')) {
    app.decorateRequest('aauth', null as never)
    app.decorateRequest('aauthObserved', null)
    // Computed for whoever reads it.
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

/** Whether it is the logger of an application that was made without one: all its methods are the same, and do nothing. */
function isSilent({ error, trace }: FastifyBaseLogger): boolean {
  return error === trace
}

/** Call chaining needs an agent, and this package has one. */
function connected(options: PartialOptions<ResourceOptions<FastifyRequest, UserByDefault>>): typeof options {
  const { onward } = options
  return typeof onward === 'object' && onward !== null
    ? { ...options, onward: { connect: connectSuppliers, ...onward } }
    : options
}

/** Separates the plugin's options, checked, from those of the resource server, which checks them itself. */
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
 * AAuth for Fastify 5. Routes say what they require in `config.aauth`; register it before they are declared. `resource`,
 * `signingKeys` and `store` may be left to the environment, and outside production a key is made where there is none.
 * `app.close()` closes what it opened.
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

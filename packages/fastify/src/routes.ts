import type { DeclaredRoute } from '@countersign/core/adapter'
import type { FastifyContextConfig, FastifyInstance, onRequestHookHandler, RouteOptions } from 'fastify'
import { checkPlace, declaredIn, type ToldRoute, toldAs, toldOf } from './declaration.js'
import { answered } from './endpoints.js'
import { answering, enforce } from './enforce.js'
import type { Requirement } from './request.js'
import { rootOf } from './root.js'

/** How routes are guarded. */
export interface GuardingOptions {
  readonly hook: 'onRequest' | 'preParsing'
  readonly secureByDefault: boolean
}

/** A route as Fastify reported it, and the context that declares it. */
interface SeenRoute {
  readonly options: RouteOptions
  /** Its path as reported. For the root of a prefix, Fastify later adds the variant with a slash. */
  readonly path: string
  readonly context: FastifyInstance
  /** Whether it had a declaration when it was reported. */
  readonly said: boolean
}

/**
 * Guards every route of a scope, whenever it is declared. Hooks of the scope enforce what the route found by the
 * router declares. Routes declared after the plugin also get a hook of their own, before their other hooks, which
 * then never see an unverified caller; hooks of the scope run before it, in whatever order they are added.
 *
 * @returns lists the routes of the scope; throws an Error when some were declared before
 * @throws TypeError when `secureByDefault` cannot be kept
 */
export function guardRoutes(
  app: FastifyInstance,
  { hook, secureByDefault }: GuardingOptions,
): () => readonly DeclaredRoute<Requirement>[] {
  const seen: SeenRoute[] = []
  const isLate = app.printRoutes().includes('/')
  if (isLate && secureByDefault)
    throw new TypeError('option secureByDefault: register and await the plugin before any route is declared')
  if (secureByDefault && rootOf(app) !== app)
    process.emitWarning(
      'option secureByDefault: the plugin is registered in a context, and routes outside of it may say nothing and are open: register it at the root',
      { type: 'AAuthWarning', code: 'AAUTH_SECURE_BY_DEFAULT' },
    )
  app.addHook('onRoute', function (this: FastifyInstance, options) {
    if (options.handler === answered) return
    // So that a mistake is reported where it was made.
    const { url: path } = options
    const said = checkRoute({ options, path, context: this })
    seen.push({ options, path, context: this, said: said !== undefined })
    // A handler that sends its answer with `reply` and returns no promise lets no error escape.
    if (typeof said === 'object' && said.onward === true) options.handler = answering(options.handler)
    const isPlaced = hook === 'onRequest'
    if (isPlaced) putFirst(options)
    const told: ToldRoute = { options, isPlaced }
    options.config = { ...options.config, [toldAs]: told } as FastifyContextConfig
  })
  // Fastify does not report routes that already exist. For them, hooks run in the order in which they were added.
  if (isLate && hook === 'onRequest')
    app.addHook('onRequest', (request, reply, done) =>
      toldOf(request.routeOptions.config)?.isPlaced === true ? done() : enforce(request, reply, done),
    )
  app.addHook('preParsing', (request, reply, _payload, done) => enforce(request, reply, done))
  // Handlers can call the not-found handler, and this is the only hook that then runs.
  app.addHook('preHandler', enforce)
  app.addHook('onReady', async () => {
    // Hooks that were added after ours may have changed the declaration.
    for (const route of seen) checkRoute(route)
    const robbed = seen.find(({ options, said }) => said && declaredIn(options.config) === undefined)
    if (robbed !== undefined)
      throw new TypeError(
        `${nameOf(robbed)}: config.aauth was there, and a hook has replaced the configuration`,
      )
    const silent = seen.filter(({ options }) => declaredIn(options.config) === undefined).map(nameOf)
    if (secureByDefault && silent.length > 0)
      throw new TypeError(
        `option secureByDefault: config.aauth is missing, a requirement or false: ${silent.join(', ')} (a route of another plugin, as OPTIONS * of @fastify/cors is: say it in an onRoute hook that is added before this plugin)`,
      )
  })
  return () => {
    if (isLate) throw new Error(tooLate)
    return seen.flatMap(({ options, path }) =>
      [options.method].flat().flatMap((method) =>
        [...new Set([path, options.url])].map((each) => ({
          method,
          path: each,
          aauth: declaredIn(options.config),
        })),
      ),
    )
  }
}

const tooLate =
  'aauth.routes: routes were declared before the plugin, and nobody told of them; register and await the plugin first'

function checkRoute(route: Omit<SeenRoute, 'said'>): Requirement | false | undefined {
  try {
    checkPlace(route.options)
    const requirement = declaredIn(route.options.config)
    if (requirement !== undefined && requirement !== false) route.context.aauth.require(requirement)
    return requirement
  } catch (error) {
    throw new TypeError(`${nameOf(route)}: ${(error as Error).message}`)
  }
}

const nameOf = ({ options, path }: Pick<SeenRoute, 'options' | 'path'>): string =>
  `${[options.method].flat().join(',')} ${path}`

function putFirst(options: RouteOptions): void {
  const own = options.onRequest === undefined ? [] : [options.onRequest].flat()
  options.onRequest = [enforce as onRequestHookHandler, ...own] as NonNullable<RouteOptions['onRequest']>
}

const watched = new WeakSet<FastifyInstance>()

/**
 * If the plugin is not registered at the root: refuses requests to routes elsewhere whose declaration nobody
 * enforces.
 */
export function refuseOutsiders(app: FastifyInstance): void {
  const root = rootOf(app)
  const { aauth: guard } = app
  if (root === app || watched.has(root)) return
  watched.add(root)
  root.addHook('onRequest', (request, reply, done) => {
    if (request.server.hasDecorator('aauth')) return done()
    return enforce(request, reply, (error) => {
      const { method, url } = request.routeOptions
      if (error !== undefined) guard.diagnose('AAUTH_UNGUARDED_ROUTE', `${String(method)} ${String(url)}`)
      done(error)
    })
  })
}

import type { FastifyContextConfig, FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Requirement } from './request.js'

// `onRoute` tells of no route that is there already, and of none outside the plugin's scope. Both are caught as their
// requests come, since what a route declares must never go unenforced.

const guarded = Symbol('guarded')

/** Marks a route whose guard is among its own hooks. */
export function markGuarded(config: FastifyContextConfig = {}): FastifyContextConfig {
  return Object.assign({}, config, { [guarded]: true })
}

/** What a route declares and nobody enforces. */
function unenforced(request: FastifyRequest): Requirement | undefined {
  const { config } = request.routeOptions
  const requirement = config?.aauth
  return requirement === undefined || requirement === false || guarded in config ? undefined : requirement
}

/** Guards the routes of this scope that were declared before the plugin was registered. */
export function guardEarlyRoutes(
  app: FastifyInstance,
  guard: (requirement: Requirement) => onRequestHookHandler,
): void {
  if (!app.printRoutes().includes('/')) return
  const guards = new Map<Requirement, onRequestHookHandler>()
  app.addHook('onRequest', (request, reply, done) => {
    const requirement = unenforced(request)
    if (requirement === undefined) return done()
    try {
      const hook = guards.get(requirement) ?? guard(requirement)
      guards.set(requirement, hook)
      return hook.call(app, request, reply, done)
    } catch (error) {
      // A malformed requirement; on routes that come after the plugin it is found when they are declared.
      return done(error as Error)
    }
  })
}

const watched = new WeakSet<FastifyInstance>()

/** Where the plugin is not registered at the root: refuses routes elsewhere that declare what nobody enforces. */
export function refuseOutsiders(app: FastifyInstance): void {
  const root = rootOf(app)
  const { aauth: server } = app
  if (root === app || watched.has(root)) return
  watched.add(root)
  root.addHook('onRequest', (request, _reply, done) => {
    if (unenforced(request) === undefined || request.server.hasDecorator('aauth')) return done()
    const { method, url } = request.routeOptions
    server.diagnose('AAUTH_UNGUARDED_ROUTE', `${method} ${url}`)
    return done(new TypeError('config.aauth: the plugin is not registered in the scope of this route'))
  })
}

// An encapsulated instance has the one around it for its prototype.
function rootOf(app: FastifyInstance): FastifyInstance {
  const outer = Object.getPrototypeOf(app) as Partial<FastifyInstance>
  return outer.addHook === undefined ? app : rootOf(outer as FastifyInstance)
}

import { AssertionError } from 'node:assert'
import type { DeclaredRoute } from '@countersign/core/adapter'

/**
 * Asserts that no route of an application is open by mistake: that each declares what it requires, or that it is open
 * on purpose. For a test of the application.
 *
 * @param routes Express: `guard.routes(app)`. Fastify: `app.aauth.routes()`, once the application is ready.
 * @throws TypeError when it is no list of routes
 * @throws AssertionError naming the routes without a declaration, or when there are no routes at all
 *
 * @example
 * ```ts
 * import { assertGuarded } from '@countersign/devkit'
 * import { aauth } from '@countersign/express'
 * import express from 'express'
 *
 * const guard = aauth({ resource: 'https://notes.example' })
 * const app = express()
 * app.get('/notes', guard.require('agent'), (_, res) => res.json([]))
 * app.get('/health', guard.open(), (_, res) => res.json('ok'))
 * assertGuarded(guard.routes(app))
 * ```
 */
export function assertGuarded(routes: readonly DeclaredRoute<unknown>[]): void {
  if (!Array.isArray(routes))
    throw new TypeError(
      'assertGuarded takes the list of routes: guard.routes(app), with Fastify app.aauth.routes()',
    )
  const silent = routes.filter(({ aauth }) => aauth === undefined)
  if (routes.length === 0)
    throw new AssertionError({
      message:
        'there are no routes; with Fastify, register and await the plugin first, and await app.ready()',
    })
  if (silent.length === 0) return
  throw new AssertionError({
    message: `nothing is said of ${silent.map(({ method, path }) => `${method} ${path}`).join(', ')}: neither what is required nor that it is open on purpose; in Express a guard counts only before the handler`,
    actual: silent.length,
    expected: 0,
    operator: 'assertGuarded',
  })
}

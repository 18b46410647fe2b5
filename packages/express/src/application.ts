import type { ResourceServer } from '@countersign/core'
import type { Request } from 'express'
import type { OtherWay } from './other-way.js'
import { lookForParsers } from './parsers.js'
import { declarations, layersOf, ownEndpoints, routesOf, stackOf } from './routes.js'
import { type MaybeExpress, wholeApp } from './whole-app.js'

/** What a guard knows about its application. */
export interface Looked {
  readonly secureByDefault: boolean
  /** The error that `secureByDefault` found when the routes were last checked. */
  fault?: TypeError | undefined
  /** How many layers the application had then; any number if that does not matter. */
  layers?: number
}

/**
 * Checks the application at the first request and, with `secureByDefault`, again when layers were added. Express has
 * no start event.
 */
export function lookAt(req: Request, server: ResourceServer<Request, OtherWay>, looked: Looked): void {
  const { secureByDefault } = looked
  if (looked.layers !== undefined && !secureByDefault) return
  const app = wholeApp(req)
  const layers = app === undefined ? 0 : layersOf(app)
  if (looked.layers === layers) return
  const isFirst = looked.layers === undefined
  looked.layers = layers
  // This does not change what verification reads from the request, but it changes what handlers see.
  if ((req as MaybeExpress).app?.get('trust proxy') === true) server.diagnose('AAUTH_TRUST_PROXY')
  if (app === undefined) return
  if (isFirst)
    lookForParsers(
      stackOf(app),
      (handle) => declarations.has(handle) || ownEndpoints.has(handle),
      (parser) =>
        server.diagnose(
          'AAUTH_CONTENT_CONSUMED',
          `${parser} stands before us; to keep the bytes: ${parser}({ verify: (req, res, bytes) => { req.rawBody = bytes } })`,
        ),
    )
  if (!secureByDefault) return
  const silent = routesOf(app).filter(({ aauth }) => aauth === undefined)
  if (silent.length === 0) return
  const names = silent.map(({ method, path }) => `${method} ${path}`).join(', ')
  looked.fault = new TypeError(
    `option secureByDefault: guard.require(…) or guard.open() is missing, or behind the handler: ${names}`,
  )
}

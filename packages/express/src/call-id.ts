import { callIdOf, fromNode } from '@countersign/core/adapter'
import type { Request } from 'express'
import type { MaybeExpress } from './whole-app.js'

// The prototypes that have it already.
const withCallId = new WeakSet<object>()

/** Defines `aauthCallId` on the prototype of the application's requests, because few requests need it computed. */
export function giveCallId(req: Request): void {
  // Each request has its own hidden class, so reading its prototype takes half a microsecond.
  if (withCallId.has(Object.getPrototypeOf(req))) return
  const { app }: MaybeExpress = req
  const to = app === undefined ? req : (app as unknown as { readonly request: object }).request
  if (withCallId.has(to)) return
  withCallId.add(to)
  Object.defineProperty(to, 'aauthCallId', {
    configurable: true,
    get(this: Request) {
      return callIdOf(fromNode(this, this.originalUrl))
    },
  })
}

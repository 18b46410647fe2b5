import { callIdOf, fromNode } from '@countersign/core/adapter'
import type { Request } from 'express'
import type { MaybeExpress } from './whole-app.js'

// The prototypes that have it.
const withCallId = new WeakSet<object>()

/** Puts `aauthCallId` where the application's requests inherit from, since it is computed for few of them. */
export function giveCallId(req: Request): void {
  // Each request has a hidden class of its own, so that reading what it is of takes half a microsecond.
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

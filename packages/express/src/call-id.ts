import { callIdOf, fromNode } from '@countersign/core/adapter'
import type { Request } from 'express'
import type { MaybeExpress } from './whole-app.js'

// The prototypes that have it.
const withCallId = new WeakSet<object>()

/** Puts `aauthCallId` where the application's requests inherit from, since it is computed for few of them. */
export function giveCallId(req: Request): void {
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

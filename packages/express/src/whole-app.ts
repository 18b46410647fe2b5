import type { RequestListener } from 'node:http'
import type { Request } from 'express'

/** What Express adds to a Node request; absent if no Express application received it (connect, `upgrade`). */
export type MaybeExpress = Partial<Pick<Request, 'app' | 'originalUrl' | 'params' | 'hostname'>>

/** The outermost application, which is mounted in no other; `undefined` if no application received the request. */
export function wholeApp(req: MaybeExpress): (Request['app'] & RequestListener) | undefined {
  let app = req.app as (Request['app'] & { parent?: Request['app'] }) | undefined
  while (app?.parent !== undefined) app = app.parent
  return app as unknown as (Request['app'] & RequestListener) | undefined
}

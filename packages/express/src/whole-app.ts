import type { RequestListener } from 'node:http'
import type { Request } from 'express'

/** What Express adds to a request of Node's; absent where no Express application has received it (connect, `upgrade`). */
export type MaybeExpress = Partial<Pick<Request, 'app' | 'originalUrl' | 'params' | 'hostname'>>

/** The outermost application: the one that is mounted in no other. `undefined` where no application has received the request. */
export function wholeApp(req: MaybeExpress): (Request['app'] & RequestListener) | undefined {
  let app = req.app as (Request['app'] & { parent?: Request['app'] }) | undefined
  while (app?.parent !== undefined) app = app.parent
  return app as unknown as (Request['app'] & RequestListener) | undefined
}

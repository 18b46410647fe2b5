import type { RequestListener } from 'node:http'
import type { Request } from 'express'

/** The outermost application: the one that is mounted in no other. */
export function wholeApp(req: Request): Request['app'] & RequestListener {
  let app = req.app as typeof req.app & { parent?: typeof req.app }
  while (app.parent !== undefined) app = app.parent
  return app as unknown as Request['app'] & RequestListener
}

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import express from 'express'
import { customerOf } from './customer.js'
import type { ServeShop } from './serving.js'

/** The shop on Express. */
export const serveWithExpress: ServeShop = async (shop, routes, { messages = {}, ...settings }) => {
  const guard = aauth({
    interaction: {
      login: ({ request }) => customerOf(request.raw.headers.cookie) ?? { redirect: '/login' },
      messages,
    },
    ...settings,
  })
  const app = express()
  app.use(guard.endpoints())
  for (const { method, path, needs, serve } of routes) {
    const onward = (req: IncomingMessage) => () => guard.onward(req)
    if (needs === undefined)
      app[method](path, async (req, res) => void res.json(await serve(shop, undefined, onward(req))))
    else
      app[method](path, guard.require(needs), async (req, res) => {
        res.json(await serve(shop, req.aauth, onward(req)))
      })
  }
  // What a supplier's side makes of a call, its wait for the person among it.
  app.use(guard.errors())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    denials: guard.server.denials,
    users: guard.server.users,
    close: async () => {
      server.close()
      server.closeAllConnections()
      guard.server.close()
      await once(server, 'close')
    },
  }
}

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import express from 'express'
import { customerOf } from './customer.js'
import { type OpenShop, resource, type ShopSettings } from './serving.js'
import { routes, type Shop, scopes } from './shop.js'

/** The shop on Express. */
export async function serveWithExpress(shop: Shop, settings: ShopSettings): Promise<OpenShop> {
  const guard = aauth({
    resource,
    scopes,
    interaction: {
      login: ({ request }) => customerOf(request.headers.cookie) ?? { redirect: '/login' },
    },
    ...settings,
  })
  const app = express()
  app.use(guard.endpoints())
  for (const { method, path, needs, serve } of routes) {
    if (needs === undefined) app[method](path, (_req, res) => void res.json(serve(shop, undefined)))
    else
      app[method](path, guard.require(needs), async (req, res) => void res.json(await serve(shop, req.aauth)))
  }
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    denials: guard.server.denials,
    close: async () => {
      server.close()
      server.closeAllConnections()
      guard.server.close()
      await once(server, 'close')
    },
  }
}

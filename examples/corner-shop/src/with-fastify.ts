import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/fastify'
import fastify from 'fastify'
import { customerOf } from './customer.js'
import { type OpenShop, resource, type ShopSettings } from './serving.js'
import { routes, type Shop, scopes } from './shop.js'

/** The shop on Fastify. */
export async function serveWithFastify(shop: Shop, settings: ShopSettings): Promise<OpenShop> {
  const app = fastify()
  await app.register(aauth, {
    resource,
    scopes,
    interaction: {
      login: ({ request }) => customerOf(request.headers.cookie) ?? { redirect: '/login' },
    },
    ...settings,
  })
  for (const { method, path, needs, serve } of routes) {
    if (needs === undefined) app[method](path, () => serve(shop, undefined))
    else app[method](path, { config: { aauth: needs } }, (req) => serve(shop, req.aauth ?? undefined))
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    port: (app.server.address() as AddressInfo).port,
    denials: app.aauth.denials,
    close: () => app.close(),
  }
}

import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/fastify'
import fastify, { type FastifyRequest } from 'fastify'
import { customerOf } from './customer.js'
import type { ServeShop } from './serving.js'

/** The shop on Fastify. */
export const serveWithFastify: ServeShop = async (shop, routes, { messages = {}, ...settings }) => {
  const app = fastify()
  await app.register(aauth, {
    interaction: {
      login: ({ request }) => customerOf(request.raw.headers.cookie) ?? { redirect: '/login' },
      messages,
    },
    ...settings,
  })
  for (const { method, path, needs, serve } of routes) {
    const onward = (req: FastifyRequest) => () => app.aauth.onward(req)
    if (needs === undefined) app[method](path, (req) => serve(shop, undefined, onward(req)))
    else
      app[method](path, { config: { aauth: needs } }, (req) =>
        serve(shop, req.aauth ?? undefined, onward(req)),
      )
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    port: (app.server.address() as AddressInfo).port,
    denials: app.aauth.denials,
    users: app.aauth.users,
    close: () => app.close(),
  }
}

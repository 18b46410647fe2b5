import type { Caller, ResourceOptions } from '@countersign/core'
import { aauth } from '@countersign/fastify'
import fastify from 'fastify'
import { login, stringOf } from './login.js'
import { Reply, routes, type StartedTarget, type TargetRoute } from './routes.js'

/** Serves the route table with Fastify. */
export async function startFastify(
  options: ResourceOptions,
  port: number,
  table: readonly TargetRoute[] = routes,
): Promise<StartedTarget> {
  const app = fastify({ bodyLimit: 2 * 1024 * 1024 })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  await app.register(aauth, { interaction: login.interaction, ...options })
  app.get<{ Querystring: { next?: string } }>('/login', async (request, reply) =>
    reply.type('text/html').send(login.page(stringOf(request.query.next))),
  )
  app.post('/login', async (request, reply) => {
    const form = new URLSearchParams(String(request.body))
    const done = login.signIn(form)
    return done === undefined
      ? reply
          .code(403)
          .type('text/html')
          .send(login.page(form.get('next') ?? undefined, true))
      : reply.header('Set-Cookie', done.cookie).redirect(done.location, 303)
  })
  for (const route of table) {
    app.route({
      method: route.method,
      url: route.path,
      config: { aauth: route.requirement },
      handler: async (request, reply) => {
        const content = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const answer = await route.answer({
          caller: request.aauth as Caller,
          observed: request.aauthObserved,
          bytes: content.length,
          body: content,
          onward: () => app.aauth.onward(request),
        })
        const { status, body } = answer instanceof Reply ? answer : new Reply(route.status ?? 200, answer)
        return reply.code(status).send(body)
      },
    })
  }
  await app.listen({ port, host: '127.0.0.1' })
  return { server: app.server, aauth: app.aauth }
}

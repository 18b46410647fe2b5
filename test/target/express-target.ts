import { once } from 'node:events'
import type { Caller, ResourceOptions } from '@countersign/core'
import { aauth } from '@countersign/express'
import express from 'express'
import express4 from 'express4'
import { login, stringOf } from './login.js'
import { Reply, routes, type StartedTarget, type TargetRoute } from './routes.js'

/** Serves the route table with Express 5. */
export const startExpress = startWith(express)

/** Serves the route table with Express 4. The two differ in nothing the target uses, types of their own aside. */
export const startExpress4 = startWith(express4 as unknown as typeof express)

function startWith(framework: typeof express) {
  return (options: ResourceOptions, port: number, table?: readonly TargetRoute[]): Promise<StartedTarget> =>
    start(framework, options, port, table)
}

async function start(
  framework: typeof express,
  options: ResourceOptions,
  port: number,
  table: readonly TargetRoute[] = routes,
): Promise<StartedTarget> {
  const guard = aauth({ interaction: login.interaction, ...options })
  const app = framework()
  app.use(guard.endpoints())
  const body = framework.raw({ type: () => true, inflate: false, limit: '2mb' })
  app.get('/login', (req, res) => {
    res.type('html').send(login.page(stringOf(req.query['next'])))
  })
  app.post('/login', body, (req, res) => {
    const form = new URLSearchParams(String(req.body))
    const done = login.signIn(form)
    if (done === undefined)
      res
        .status(403)
        .type('html')
        .send(login.page(form.get('next') ?? undefined, true))
    else res.setHeader('Set-Cookie', done.cookie).redirect(303, done.location)
  })
  for (const route of table) {
    const method = route.method.toLowerCase() as 'get' | 'post' | 'delete'
    app[method](route.path, guard.require(route.requirement), body, (req, res, next) => {
      const content = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
      // Express 4 does not catch what a handler rejects with.
      Promise.resolve({
        caller: req.aauth as Caller,
        observed: req.aauthObserved,
        bytes: content.length,
        body: content,
        onward: () => guard.onward(req),
      })
        .then((received) => route.answer(received))
        .then((answer) => {
          const { status, body } = answer instanceof Reply ? answer : new Reply(route.status ?? 200, answer)
          res.status(status).json(body)
        })
        .catch(next)
    })
  }
  app.use(guard.errors())
  const server = app.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, aauth: guard.server }
}

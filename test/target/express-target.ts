import { once } from 'node:events'
import type { Server } from 'node:http'
import type { ResourceOptions } from '@countersign/core'
import { aauth } from '@countersign/express'
import express from 'express'
import express4 from 'express4'
import { routes } from './routes.js'

/** Serves the route table with Express 5. */
export const startExpress = startWith(express)

/** Serves the route table with Express 4. The two differ in nothing the target uses, types of their own aside. */
export const startExpress4 = startWith(express4 as unknown as typeof express)

function startWith(framework: typeof express) {
  return (options: ResourceOptions, port: number): Promise<Server> => start(framework, options, port)
}

async function start(framework: typeof express, options: ResourceOptions, port: number): Promise<Server> {
  const guard = aauth(options)
  const app = framework()
  app.use(guard.endpoints())
  const body = framework.raw({ type: () => true, inflate: false, limit: '2mb' })
  for (const route of routes) {
    const method = route.method.toLowerCase() as 'get' | 'post' | 'delete'
    app[method](route.path, guard.require(route.requirement), body, (req, res) => {
      const bytes = Buffer.isBuffer(req.body) ? req.body.length : 0
      res.json(route.answer({ caller: req.aauth, bytes }))
    })
  }
  const server = app.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

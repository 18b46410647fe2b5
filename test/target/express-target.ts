import type { Server } from 'node:http'
import type { ResourceOptions } from '@countersign/core'
import { aauth } from '@countersign/express'
import express from 'express'
import { routes } from './routes.js'

/** Serves the route table with Express. */
export async function startExpress(options: ResourceOptions, port: number): Promise<Server> {
  const guard = aauth(options)
  const app = express()
  app.use(guard.endpoints())
  const body = express.raw({ type: () => true, inflate: false, limit: '2mb' })
  for (const route of routes) {
    const method = route.method.toLowerCase() as 'get' | 'post' | 'delete'
    app[method](route.path, guard.require(route.requirement), body, (req, res) => {
      const bytes = Buffer.isBuffer(req.body) ? req.body.length : 0
      res.json(route.answer({ caller: req.aauth, bytes }))
    })
  }
  return new Promise((resolve, reject) => {
    const server = app.listen(port, '127.0.0.1', (error?: Error) => (error ? reject(error) : resolve(server)))
  })
}

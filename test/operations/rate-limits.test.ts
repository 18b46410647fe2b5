import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { expect, it } from 'vitest'

it('a limiter that stands before the guard counts what the guard refuses, and one behind it does not', async () => {
  const guard = aauth({ resource: 'https://notes.example' })
  const limiter = () => rateLimit({ windowMs: 60_000, limit: 2 })
  const app = express()
  const answer: express.RequestHandler = (_req, res) => void res.json({})
  app.get('/before', limiter(), guard.require('agent'), answer)
  app.get('/behind', guard.require('agent'), limiter(), answer)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const statuses: number[] = []
  for (const path of ['before', 'before', 'before', 'behind', 'behind', 'behind'])
    statuses.push((await fetch(`http://127.0.0.1:${port}/${path}`)).status)
  expect(statuses).toEqual([401, 401, 429, 401, 401, 401])
  server.closeAllConnections()
  server.close()
  await guard.close()
})

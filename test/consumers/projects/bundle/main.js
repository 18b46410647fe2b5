// Bundled into one file. One module imports, another requires: there must be one copy of each package all the same.
import { AAuthError, aauth } from '@countersign/express'
import express from 'express'
import * as required from './required.cjs'

if (required.express.AAuthError !== AAuthError) throw new Error('express is there twice')
if (required.core.AAuthError !== AAuthError) throw new Error('core is there twice')
if (required.fastify.default !== required.fastify.aauth) throw new Error('no default')

const guard = aauth({ resource: 'https://shop.example' })
const app = express().use(guard.endpoints())
app.get('/', guard.require('agent'), (_req, res) => res.json({}))
const server = app.listen(0, '127.0.0.1', async () => {
  const { status, headers } = await fetch(`http://127.0.0.1:${server.address().port}/`)
  if (status !== 401 || !headers.has('aauth-requirement')) throw new Error(`answered ${status}`)
  server.closeAllConnections()
  server.close()
  console.log('served')
})

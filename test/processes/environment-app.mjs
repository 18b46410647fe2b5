// node environment-app.mjs <adapter> <port of the agent provider>: an application that leaves all it can to the environment.
import { createGuardedFetch } from '@countersign/core'
import { createLoopbackFetch } from '@countersign/devkit'

const [adapter, port] = process.argv.slice(2)
const options = {
  scopes: { 'notes.read': 'Read your notes' },
  fetch: createLoopbackFetch({ 'ap.example': Number(port) }, createGuardedFetch()),
}
const start = adapter === 'express' ? withExpress : withFastify
console.log(`listening ${await start()}`)

async function withExpress() {
  const { aauth } = await import('@countersign/express')
  const { default: express } = await import('express')
  const guard = aauth(options)
  const app = express()
  app.use(guard.endpoints())
  app.get('/notes', guard.require('agent'), (_req, res) => res.json([]))
  const server = app.listen(0, '127.0.0.1')
  process.once('SIGTERM', () => {
    guard.server.close()
    server.close(() => guard.close())
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return server.address().port
}

async function withFastify() {
  const { aauth } = await import('@countersign/fastify')
  const { default: fastify } = await import('fastify')
  const app = fastify()
  await app.register(aauth, options)
  app.get('/notes', { config: { aauth: 'agent' } }, async () => [])
  await app.listen({ port: 0, host: '127.0.0.1' })
  process.once('SIGTERM', () => app.close())
  return app.server.address().port
}

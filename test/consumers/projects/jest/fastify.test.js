const fastify = require('fastify')
const { createKey, createTown } = require('@countersign/devkit')
const { createRedisStore } = require('@countersign/redis')
const { contentDigest } = require('@countersign/core/signature')
const { storeContract } = require('@countersign/core/store-contract')
const { createMemoryStore } = require('@countersign/core')
const plugin = require('@countersign/fastify')

test('the plugin, by its name and as the default', async () => {
  expect(plugin.default).toBe(plugin.aauth)
  const town = await createTown()
  const app = fastify()
  await app.register(plugin, {
    resource: 'https://books.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'books.read': 'Read' },
    fetch: town.fetch,
    clock: town.clock,
  })
  app.get('/books', { config: { aauth: { scope: 'books.read' } } }, async (request) => ({
    kind: request.aauth.kind,
  }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  town.route('books.example', app.server.address().port)
  const sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  const answer = await sam.fetch('https://books.example/books')
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ kind: 'grant' })
  await app.close()
  await town.close()
})

test('every other entry', async () => {
  expect(() => createRedisStore({})).toThrow(TypeError)
  expect(contentDigest(Buffer.from('bread'))).toMatch(/^sha-256=:/)
  const cases = storeContract({ open: () => ({ store: createMemoryStore(), pass: () => {} }) })
  expect(cases.length).toBeGreaterThan(0)
  await cases[0].run()
})

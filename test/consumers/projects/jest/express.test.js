const { once } = require('node:events')
const { setImmediate: turn } = require('node:timers/promises')
const express = require('express')
const core = require('@countersign/core')
const { createKey, createTown } = require('@countersign/devkit')
const { AAuthError, aauth, allow, deny } = require('@countersign/express')

let town
let sam
let server

beforeAll(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  const guard = aauth({
    resource: 'https://shop.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'shop.buy': 'Buy groceries' },
    fetch: town.fetch,
    clock: town.clock,
    onError: 'next',
  })
  const app = express().use(guard.endpoints())
  app.post('/bread', guard.require({ scope: 'shop.buy' }), (req, res) => res.json({ kind: req.aauth.kind }))
  // A promise of Node's own is another class than the `Promise` that Jest gives its tests, and so is ours here.
  app.get('/later', guard.require({ identity: 'agent', policy: () => turn(allow()) }), (_req, res) =>
    res.json({}),
  )
  app.get(
    '/never',
    guard.require({ identity: 'agent', policy: () => turn(deny('closed', 'We are closed.')) }),
    (_req, res) => res.json({}),
  )
  app.use((error, _req, res, _next) => {
    const own = error instanceof AAuthError && error instanceof Error && error instanceof core.AAuthError
    for (const [name, value] of Object.entries(error.headers ?? {})) res.setHeader(name, value)
    res.status(error.status ?? 500).json({ own })
  })
  server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  town.route('shop.example', server.address().port)
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await town.close()
})

test('a grant is asked for, given and let in', async () => {
  const answer = await sam.fetch('https://shop.example/bread', { method: 'POST' })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ kind: 'grant' })
})

test('a policy that takes its time is waited for', async () => {
  expect((await sam.fetch('https://shop.example/later')).status).toBe(200)
  expect((await sam.fetch('https://shop.example/never')).status).toBe(403)
})

test('nobody is refused, with an error that is the one of every package', async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/later`)
  expect(answer.status).toBe(401)
  expect(await answer.json()).toEqual({ own: true })
})

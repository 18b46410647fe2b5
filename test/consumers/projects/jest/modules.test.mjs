// Jest with ES modules, which it loads by itself, too, and not as Node does.
import { AAuthError } from '@countersign/core'
import { createKey, createTown } from '@countersign/devkit'
import { aauth, AAuthError as SameError } from '@countersign/express'
import express from 'express'

test('a person is asked for, named and let in', async () => {
  expect(AAuthError).toBe(SameError)
  const town = await createTown()
  const guard = aauth({
    resource: 'https://shop.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'shop.buy': 'Buy groceries' },
    fetch: town.fetch,
    clock: town.clock,
  })
  const app = express().use(guard.endpoints())
  app.get('/me', guard.require('person'), (req, res) => res.json({ kind: req.aauth.kind }))
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening))
  })
  town.route('shop.example', server.address().port)
  const sam = town.agent('sam', { person: town.person('mom') })
  const answer = await sam.fetch('https://shop.example/me')
  expect(await answer.json()).toEqual({ kind: 'person' })
  server.closeAllConnections()
  server.close()
  await town.close()
})

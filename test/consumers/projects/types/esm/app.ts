// What a user writes, with every entry of every package. Compiled and run as an ES module and as CommonJS.
import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, type ResourceOptions, StoreFullError } from '@countersign/core'
import { type Answer, writeAnswer } from '@countersign/core/adapter'
import { diagnosticCodes, type RefusedEvent } from '@countersign/core/events'
import { contentDigest, type SigningKey } from '@countersign/core/signature'
import type { ed25519 } from '@countersign/core/sodium'
import { type StoreHarness, storeContract } from '@countersign/core/store-contract'
import { createKey, createTown, type Town } from '@countersign/devkit'
import { AAuthError, aauth, allow, type Caller, type ExpressOptions } from '@countersign/express'
import plugin, { aauth as named, AAuthError as SameError } from '@countersign/fastify'
import { createRedisStore, type RedisClient } from '@countersign/redis'
import express from 'express'
import fastify from 'fastify'

const settings = (town: Town, host: string) =>
  ({
    resource: `https://${host}`,
    signingKeys: [createKey().privateJwk],
    scopes: { 'shop.buy': 'Buy groceries' },
    fetch: town.fetch,
    clock: town.clock,
  }) satisfies ResourceOptions & ExpressOptions

async function main(): Promise<void> {
  const town = await createTown()
  const mom = town.person('mom', { consent: () => true })
  const sam = town.agent('sam', { person: mom })

  const guard = aauth(settings(town, 'shop.example'))
  const shop = express().use(guard.endpoints())
  shop.post('/bread', guard.require({ scope: 'shop.buy', policy: () => allow() }), (req, res) => {
    const sub: string = req.aauth.person.sub
    const caller: Caller = req.aauth
    res.json({ buyer: sub, kind: caller.kind })
  })
  const server = shop.listen(0, '127.0.0.1')
  await once(server, 'listening')
  town.route('shop.example', (server.address() as AddressInfo).port)
  const bread = await sam.fetch('https://shop.example/bread', { method: 'POST' })
  strictEqual(bread.status, 200)

  const library = fastify()
  strictEqual(plugin, named)
  await library.register(plugin, settings(town, 'books.example'))
  library.get('/books', { config: { aauth: 'person' } }, async (request) => {
    const sub: string = request.aauth.person.sub
    return { reader: sub }
  })
  await library.listen({ port: 0, host: '127.0.0.1' })
  town.route('books.example', (library.server.address() as AddressInfo).port)
  const books = await sam.fetch('https://books.example/books')
  strictEqual(books.status, 200)
  deepStrictEqual(Object.keys((await books.json()) as object), ['reader'])

  // The packages share one copy of core, whoever re-exports it.
  strictEqual(AAuthError, SameError)
  ok(new StoreFullError('full') instanceof Error)
  strictEqual(contentDigest(Buffer.from('bread')).startsWith('sha-256=:'), true)
  const told: Pick<RefusedEvent, 'name'> = { name: 'refused' }
  const nothing: Answer = { status: 404, headers: {}, body: '' }
  ok(diagnosticCodes.includes('AAUTH_HOST') && told.name === 'refused' && nothing.status === 404)
  strictEqual(typeof writeAnswer, 'function')
  const harness: StoreHarness = {
    open: () => ({ store: createMemoryStore(), pass: () => undefined }),
  }
  ok(storeContract(harness).length > 0)
  const verifier: typeof ed25519 | undefined = undefined
  const key: SigningKey | undefined = undefined
  ok(verifier === key)
  try {
    createRedisStore({} as RedisClient)
    ok(false, 'anything was taken for a client')
  } catch (error) {
    ok(error instanceof TypeError)
  }

  await library.close()
  server.closeAllConnections()
  server.close()
  await town.close()
  console.log('served')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

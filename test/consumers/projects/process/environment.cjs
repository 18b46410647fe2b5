// CommonJS alone: each adapter opens the store that the environment names, with the packages found from its own file.

const { strictEqual } = require('node:assert')
const { setTimeout: pass } = require('node:timers/promises')
const express = require('@countersign/express')
const plugin = require('@countersign/fastify')
const fastify = require('fastify')

strictEqual(/[\\/]dist[\\/]cjs[\\/]/.test(require.resolve('@countersign/fastify')), true)

/** @param {() => Promise<{ ok: boolean }>} health */
const connected = async (health) => {
  for (let tries = 0; tries < 500; tries++) {
    if ((await health()).ok) return
    await pass(10)
  }
  throw new Error('the store of AAUTH_REDIS_URL never connected')
}

const main = async () => {
  const options = { resource: 'https://books.example' }
  const app = fastify()
  await app.register(plugin, options)
  await connected(() => app.aauth.health())
  await app.close()
  const guard = express.aauth(options)
  await connected(() => guard.server.health())
  await guard.close()
  console.log('served')
}
void main()

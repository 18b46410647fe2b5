// By `import = require()`, which is how TypeScript writes CommonJS wherever `import` would stay an import.
import assert = require('node:assert')
import core = require('@countersign/core')
import adapter = require('@countersign/core/adapter')
import events = require('@countersign/core/events')
import signature = require('@countersign/core/signature')
import contract = require('@countersign/core/store-contract')
import devkit = require('@countersign/devkit')
import express = require('@countersign/express')
import fastify = require('@countersign/fastify')
import redis = require('@countersign/redis')

const guard: express.ExpressGuard = express.aauth({ resource: 'https://shop.example' })
const options: core.ResourceOptions = { resource: 'https://shop.example' }
const plugin: typeof fastify.aauth = fastify.default
const town: typeof devkit.createTown = devkit.createTown
const client: redis.RedisClient | undefined = undefined

assert.strictEqual(typeof guard.require('agent'), 'function')
assert.ok(core.createResourceServer(options).endpoints.length > 0)
assert.strictEqual(plugin, fastify.aauth)
assert.strictEqual(core.AAuthError, express.AAuthError)
assert.strictEqual(core.AAuthError, fastify.AAuthError)
assert.strictEqual(typeof town, 'function')
assert.strictEqual(typeof redis.createRedisStore, 'function')
assert.strictEqual(typeof contract.storeContract, 'function')
assert.strictEqual(typeof adapter.writeAnswer, 'function')
assert.strictEqual(events.diagnosticCodes.includes('AAUTH_HOST'), true)
assert.strictEqual(signature.algorithms.has('Ed25519'), true)
assert.strictEqual(client, undefined)
console.log('served')

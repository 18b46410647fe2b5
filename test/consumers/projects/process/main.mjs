// One process with both kinds of module and no bundler: one copy of each package, here by Node's own choice.

import { strictEqual } from 'node:assert'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
for (const name of [
  'core',
  'core/signature',
  'core/store-contract',
  'devkit',
  'express',
  'fastify',
  'redis',
]) {
  const imported = await import(`@countersign/${name}`)
  const required = require(`@countersign/${name}`)
  for (const key of Object.keys(imported)) strictEqual(required[key], imported[key], `${name}: ${key}`)
}
console.log('served')

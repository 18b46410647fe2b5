import { createGuardedFetch } from '@countersign/core'
import { createLoopbackFetch } from '@countersign/devkit'
import { readTargetOptions } from './options.js'
import { startTarget } from './start.js'

const options = readTargetOptions(process.argv.slice(2), process.env)
const target = await startTarget(options.adapter, options.port, {
  ...(options.accessServer === undefined ? {} : { accessServer: options.accessServer }),
  fetch: createLoopbackFetch(options.loopback, createGuardedFetch()),
})
console.log(`listening 127.0.0.1:${target.port}`)
process.once('SIGTERM', () => void target.close())
process.once('SIGINT', () => void target.close())

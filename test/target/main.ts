import { createGuardedFetch } from '@countersign/core'
import { createAuditLog } from '@countersign/core/audit'
import { createLoopbackFetch } from '@countersign/devkit'
import { readTargetOptions } from './options.js'
import { routesFrom } from './routes.js'
import { openSharedState } from './shared-state.js'
import { startTarget } from './start.js'

const options = readTargetOptions(process.argv.slice(2), process.env)
const shared = options.redis === undefined ? undefined : await openSharedState(options.redis)
const audit = options.audit === undefined ? undefined : createAuditLog({ file: options.audit })
const target = await startTarget(
  options.adapter,
  options.port,
  {
    ...(options.accessServer === undefined ? {} : { accessServer: options.accessServer }),
    ...shared?.options,
    ...(audit === undefined ? {} : { audit }),
    logger: { error: console.error, warn: console.warn },
    replay: options.replay,
    compat: options.compat,
    fetch: createLoopbackFetch(options.loopback, createGuardedFetch()),
  },
  routesFrom(options.supplier),
)
console.log(`listening 127.0.0.1:${target.port}`)
const close = async (): Promise<void> => {
  await target.close()
  await audit?.close()
  shared?.close()
}
process.once('SIGTERM', () => void close())
process.once('SIGINT', () => void close())

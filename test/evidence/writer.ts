import { createResourceServer } from '@countersign/core'
import { createAuditLog } from '@countersign/core/audit'
import type { AAuthEvent } from '@countersign/core/events'
import { newSigningKey } from '../target/start.js'

// A process that decides as fast as it can and keeps evidence of it, for tests that kill it or fill its disk. It tells its
// parent how many records are kept for certain.
const [file, whenFull] = process.argv.slice(2) as [string, 'drop' | 'refuse']

// Beyond the limit on the size of files there is a signal as well, and only the error is of interest.
process.on('SIGXFSZ', () => {})

const audit = createAuditLog({ file, whenFull, buffer: 1024 * 1024 })
const events: AAuthEvent['name'][] = []
const server = createResourceServer({
  resource: 'https://rs.example',
  signingKeys: [newSigningKey()],
  logger: false,
  audit,
  onEvent: ({ name }) => {
    if (name.startsWith('audit-')) events.push(name)
  },
})
const route = server.require('agent')
const request = { method: 'GET', target: '/notes', rawHeaders: ['Host', 'rs.example'] }

process.on('message', () => {
  audit.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({
  keys: server.keys.list(),
  jwks: (await server.handle({ ...request, target: '/.well-known/jwks.json' }))?.body,
})
for (;;) {
  let status = 0
  for (let n = 0; n < 200; n++) {
    const outcome = await route.check(request)
    if (!outcome.served) status = outcome.answer.status
  }
  const { records, dropped } = audit.health()
  const kept = await audit.flush().then(
    () => true,
    () => false,
  )
  process.send?.({ kept: kept ? records : undefined, dropped, status, events })
  await new Promise((resolve) => setImmediate(resolve))
}

import { createAuditLog } from '@countersign/core/audit'
import { createServer, guardOf } from '../in-process/guard.js'
import { createKey, mintAuthToken, type SignedRequest, signRequest, unsigned } from '../world.js'

// `decider.js <file> <signing key>`: decides as fast as it can and keeps evidence, until it is killed. It reports
// every few milliseconds how many records it has made.

const [file, signingKey] = process.argv.slice(2) as [string, string]

/** One of this many requests is signed; the others are challenged, which costs less. */
const oneIn = 10
const batch = 100
/** The log should be killed, not overflow: when this many bytes wait, the process waits as well. */
const most = 32 * 1024 * 1024

const audit = createAuditLog({
  file,
  secret: 'x'.repeat(32),
  buffer: 2 * most,
  rotate: { bytes: 64 * 1024 * 1024 },
})
const issuer = createKey()
const server = createServer([issuer], {
  audit,
  signingKeys: [JSON.parse(signingKey) as object],
  logger: false,
})
const guard = guardOf(server)
const requests: readonly SignedRequest[] = Array.from({ length: 20 }, () => {
  const key = createKey()
  return signRequest(mintAuthToken(issuer, key), key)
})

process.on('disconnect', () => process.exit())
for (let turn = 0; ; turn++) {
  for (let n = 0; n < batch; n++) {
    const signed = n % oneIn === 0 ? requests[(turn + n / oneIn) % requests.length] : undefined
    await guard(signed ?? unsigned)
  }
  process.send?.({ records: audit.health().records, at: performance.timeOrigin + performance.now() })
  do await new Promise((resolve) => setImmediate(resolve))
  while (audit.health().waiting > most)
}

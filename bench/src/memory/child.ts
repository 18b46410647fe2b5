import { createGuard, isServed } from '../in-process/guard.js'
import { type Alg, createKey, type Key, mintAuthToken, signRequest } from '../world.js'

// `child.js <agents> <alg>`, with --expose-gc: so many agents come once each, and nothing of them is kept but what the
// guard keeps. One line of JSON on stdout.

const [count, alg] = process.argv.slice(2) as [string, Alg]
const issuer = createKey()
const guard = createGuard([issuer], { verifiedTokens: 1_000_000 })

await comeAndGo(2000)
const before = settle()
const agents = Number(count)
await comeAndGo(agents)
const after = settle()
process.stdout.write(
  JSON.stringify({
    rss: (after.rss - before.rss) / agents,
    heap: (after.heapUsed - before.heapUsed) / agents,
  }),
)
process.exit(0)

async function comeAndGo(many: number): Promise<void> {
  for (let i = 0; i < many; i++) {
    const key = createKey(alg)
    const outcome = await guard(signRequest(mintAuthToken(issuer, key as Key), key))
    if (!isServed(outcome)) throw new Error('an agent was not served')
    if (i % 5000 === 0) globalThis.gc?.()
  }
}

function settle(): NodeJS.MemoryUsage {
  for (let i = 0; i < 4; i++) globalThis.gc?.()
  return process.memoryUsage()
}

import { setTimeout } from 'node:timers/promises'
import { createGuard, isServed } from '../in-process/guard.js'
import { slope } from '../statistics.js'
import { type Alg, createKey, mintAuthToken, signRequest } from '../world.js'

// `child.js <agents> <alg>`, with --expose-gc: this many agents send one request each, and only the guard keeps
// anything of them. One line of JSON on stdout.

const points = 6

const [count, alg] = process.argv.slice(2) as [string, Alg]
const issuer = createKey()
const guard = createGuard([issuer], { verifiedTokens: 1_000_000 })
const step = Math.ceil(Number(count) / points)

const seen: { readonly agents: number; readonly rss: number; readonly heap: number }[] = []
for (let i = 0; i <= points; i++) {
  await comeAndGo(step)
  const { rss, heapUsed } = await settle()
  seen.push({ agents: (i + 1) * step, rss, heap: heapUsed })
}
// The first ones also fill memory that is allocated only once: code, pools, the young generation.
const [, ...counted] = seen
process.stdout.write(
  JSON.stringify({
    rss: slope(counted.map(({ agents, rss }) => [agents, rss])),
    heap: slope(counted.map(({ agents, heap }) => [agents, heap])),
  }),
)
process.exit(0)

async function comeAndGo(many: number): Promise<void> {
  for (let i = 0; i < many; i++) {
    const key = createKey(alg)
    const outcome = await guard(signRequest(mintAuthToken(issuer, key), key))
    if (!isServed(outcome)) throw new Error('an agent was not served')
  }
}

/** Native memory is freed by finalizers, which run after a collection, so one collection is not enough. */
async function settle(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    await setTimeout(20)
  }
  return process.memoryUsage()
}

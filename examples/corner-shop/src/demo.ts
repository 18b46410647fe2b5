// The stories of the corner shop on both frameworks. `--json`: one JSON object an exchange, and nothing else on stdout.
import { jsonReporter, proseReporter } from './report.js'
import { Scene } from './scene.js'
import type { ServeShop } from './serving.js'
import { type Story, stories } from './stories.js'
import { serveWithExpress } from './with-express.js'
import { serveWithFastify } from './with-fastify.js'

const adapters: ReadonlyMap<string, ServeShop> = new Map([
  ['express', serveWithExpress],
  ['fastify', serveWithFastify],
])
// Whoever reads us may have seen enough: `npm run demo | head`.
process.stdout.on('error', () => process.exit(1))
const reporter = process.argv.includes('--json') ? jsonReporter : proseReporter()

/** Plays one story on one framework; whether it ended as told. */
async function play(adapter: string, serve: ServeShop, number: number, story: Story): Promise<boolean> {
  reporter.stage(adapter)
  let step = 0
  const scene = await Scene.set(serve, (entry) => {
    step++
    reporter.exchange({ ...entry, adapter, story: number, step })
  })
  let failure: unknown
  try {
    await story.play(scene)
  } catch (error) {
    failure = error
  } finally {
    await scene.strike()
  }
  reporter.close(scene.checks, failure)
  return failure === undefined && scene.checks.length > 0 && scene.checks.every(({ holds }) => holds)
}

let passed = 0
for (const [index, story] of stories.entries()) {
  const number = index + 1
  reporter.open(number, story)
  const endings: boolean[] = []
  for (const [adapter, serve] of adapters) endings.push(await play(adapter, serve, number, story))
  // A story has ended as told when it did so on every framework.
  if (endings.every((asTold) => asTold)) passed++
}
reporter.end({ stories: stories.length, passed, adapters: [...adapters.keys()] })
process.exitCode = passed === stories.length ? 0 : 1

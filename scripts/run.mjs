// node scripts/run.mjs <what> ...args — bootstraps the workspace, then runs one of its commands.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bootstrap, root, say } from './bootstrap.mjs'

/** The commands, and the arguments before the user's. */
const commands = new Map([
  ['bench', ['bench/dist/main.js']],
  ['demo', ['examples/corner-shop/dist/demo.js']],
  ['target', ['test/dist/target/main.js']],
  ['fuzz', ['test/dist/fuzz/main.js']],
  ['soak', ['test/dist/soak/main.js']],
  ['test', ['node_modules/vitest/vitest.mjs', 'run']],
  ['conformance', ['test/dist/conformance/main.js']],
  ['pack', ['scripts/pack.mjs']],
  ['typecheck', ['scripts/typecheck.mjs']],
  ['check', ['scripts/check.mjs']],
])

const [what = '', ...args] = process.argv.slice(2)
const [script, ...first] = commands.get(what) ?? []
if (script === undefined) {
  say(`unknown command "${what}"; there are: ${[...commands.keys()].join(', ')}`)
  process.exit(1)
}

await bootstrap()

// In this process, so that signals, stdin and the exit code are the command's own.
const file = join(root, script)
process.argv = [process.execPath, file, ...first, ...args]
await import(pathToFileURL(file).href)

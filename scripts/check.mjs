// Everything but the tests: style, types, the packages as they would be published, and dead code.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runPnpm, runTool, say } from './bootstrap.mjs'

const packed = join(root, '.reports', 'packed')

/**
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 */
const tool = (script, ...args) => runTool(script, args, { stdout: 'inherit' })

/** The tarballs themselves are checked: `files` and the rewritten `workspace:` ranges are published, too. */
const checkPackages = async () => {
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  let worst = await runPnpm(['--filter', './packages/*', 'pack', '--pack-destination', packed])
  for (const name of readdirSync(packed)) {
    const tarball = join(packed, name)
    worst = Math.max(
      worst,
      await tool('publint/src/cli.js', 'run', tarball, '--strict'),
      await tool('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--no-summary'),
    )
  }
  return worst
}

/** @type {ReadonlyArray<readonly [name: string, step: () => Promise<number>]>} */
const steps = [
  [
    'style',
    () => tool('@biomejs/biome/bin/biome', 'ci', ...(process.stdout.isTTY ? [] : ['--colors=off']), '.'),
  ],
  ['types', () => runTool('../scripts/typecheck.mjs', [], { stdout: 'inherit' })],
  ['packages', checkPackages],
  ['unused', () => tool('knip/bin/knip.js')],
]

/** @type {string[]} */
const failed = []
for (const [name, step] of steps) {
  say(`check: ${name}`)
  if ((await step()) !== 0) failed.push(name)
}
if (failed.length > 0) {
  say(`check failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

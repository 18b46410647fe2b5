// Everything but the tests: style, types, the packages as they would be published, and dead code.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, runTool, say } from './bootstrap.mjs'
import { pack } from './pack.mjs'

const packed = join(root, '.reports', 'packed')

/**
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 */
const tool = (script, ...args) => runTool(script, args, { stdout: 'inherit' })

/** Checks the tarballs themselves, because they are what is published. */
const checkPackages = async () => {
  let worst = 0
  for (const { tarball } of await pack(packed)) {
    worst = Math.max(
      worst,
      await tool('publint/src/cli.js', 'run', tarball, '--strict'),
      await tool('@arethetypeswrong/cli/dist/index.js', tarball, '--no-summary'),
    )
  }
  return worst
}

/** No circular imports, and none from above; see scripts/imports.cjs. */
const checkImports = () => {
  const sources = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`)
  return tool('dependency-cruiser/bin/dependency-cruise.mjs', '--config', 'scripts/imports.cjs', ...sources)
}

/** @type {ReadonlyArray<readonly [name: string, step: () => Promise<number>]>} */
const steps = [
  [
    'style',
    () => tool('@biomejs/biome/bin/biome', 'ci', ...(process.stdout.isTTY ? [] : ['--colors=off']), '.'),
  ],
  ['types', () => runTool('../scripts/typecheck.mjs', [], { stdout: 'inherit' })],
  ['imports', checkImports],
  ['packages', checkPackages],
  ['unused', () => tool('knip/bin/knip.js')],
]

/** @type {string[]} */
const failed = []
for (const [name, step] of steps) {
  say(`check: ${name}`)
  // A step that throws has failed as well, and the others must still be reported.
  const code = await step().catch((error) => {
    console.error(error)
    return 1
  })
  if (code !== 0) failed.push(name)
}
if (failed.length > 0) {
  say(`check failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

// From a bare checkout to a built workspace with only Node and npm at hand. Plain Node, no dependencies:
// nothing is installed yet when this runs. All its messages go to stderr; stdout belongs to the command.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

// Fetched with npx, not corepack: that needs signed registry metadata, which private mirrors strip.
const pnpm = 'pnpm@12.21.0'
const stampFile = join(root, 'node_modules', '.countersign-installed')

/** @param {string} message */
export const say = (message) => process.stderr.write(`countersign: ${message}\n`)

/** Node ^20.19.0 || >=22.12.0: the lines where `require()` of an ES module works without a flag. */
const requireNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 23) return
  say(`Node ${process.versions.node} is too old. Countersign needs ^20.19.0 || >=22.12.0.`)
  process.exit(1)
}

/** The manifests of every workspace folder that exists. */
export const manifests = () => {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
  return ['.', 'examples/corner-shop', ...packages.sort(), 'test', 'test/consumers', 'bench']
    .map((folder) => join(root, folder, 'package.json'))
    .filter((file) => existsSync(file))
}

/** The inputs that decide whether node_modules is up to date: the lockfile, the manifests, and the Node version. */
const installKey = () => {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${process.versions.modules}`)
  for (const file of [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...manifests()]) {
    hash.update(`\n${file}\n`).update(readFileSync(file))
  }
  return hash.digest('hex')
}

const isInstalled = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === installKey()

/**
 * Runs a command in the workspace and resolves to its exit code.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ stdout?: 'inherit' | 'stderr' }} [options] where its output goes; stderr by default
 * @returns {Promise<number>}
 */
export const run = (command, args, { stdout = 'stderr' } = {}) =>
  new Promise((resolve, reject) => {
    // npm.cmd and npx.cmd need a shell on Windows; the arguments are ours and need no quoting.
    const shell = process.platform === 'win32' && command !== process.execPath
    const child = spawn(command, [...args], {
      cwd: root,
      shell,
      // Nobody may be there to answer questions; CI=true tells pnpm so.
      env: { ...process.env, CI: 'true' },
      stdio: ['ignore', stdout === 'inherit' ? 'inherit' : 2, 'inherit'],
    })
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => child.kill(signal)
    process.on('SIGINT', forward).on('SIGTERM', forward)
    child.on('error', reject).on('close', (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward)
      resolve(code ?? 1)
    })
  })

/** @param {readonly string[]} args */
export const runPnpm = (args) => run('npx', ['-y', `--package=${pnpm}`, '--', 'pnpm', ...args])

/**
 * Runs a tool of the workspace's own node_modules.
 *
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 * @param {{ stdout?: 'inherit' | 'stderr' }} [options]
 */
export const runTool = (script, args, options) =>
  run(process.execPath, [join(root, 'node_modules', script), ...args], options)

const install = async () => {
  say('installing dependencies (once; about a minute on a slow network)')
  const code = await runPnpm(['install', '--frozen-lockfile', '--reporter=append-only'])
  if (code !== 0) {
    say('the installation failed, see above')
    process.exit(code)
  }
  writeFileSync(stampFile, installKey())
}

const build = async () => {
  if (!existsSync(join(root, 'packages/core/dist'))) say('building')
  const code = await runTool('typescript/bin/tsc', ['-b'])
  if (code !== 0) {
    say('the build failed, see above')
    process.exit(code)
  }
}

/** Checks Node, installs dependencies and builds every package. Ends the process if one of them fails. */
export const bootstrap = async () => {
  requireNode()
  if (!isInstalled()) await install()
  await build()
}

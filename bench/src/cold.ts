// node bench/dist/cold.js [--rounds 15] [--packed FOLDER] [--json] — the cost of a new process: importing an adapter
// compared with its framework, until it can serve, and as one file of a function; and the size of an installation.
//
// The packages are packed and laid out as npm would (scripts/pack.mjs). Each figure is of a separate process, in
// turn; the minimum of all rounds counts, because disturbances only add time.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { machine } from './machine.js'
import { median, round } from './statistics.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    packed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const most = { ratio: 0.6, packedCore: 150_000, added: 6_000_000 }

const folder = mkdtempSync(join(tmpdir(), 'countersign-cold-'))
try {
  const packed = values.packed ?? join(folder, 'packed')
  if (values.packed === undefined)
    execFileSync(process.execPath, [join(root, 'scripts/pack.mjs'), '--out', packed], { stdio: 'ignore' })
  await measure(packed)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measure(packed: string): Promise<void> {
  const adapters = ['express', 'fastify']
  for (const adapter of adapters) layOut(packed, ['agent', 'core', adapter], join(folder, adapter), adapter)
  const programs = new Map<string, readonly [cwd: string, code: string]>()
  for (const adapter of adapters) {
    const cwd = join(folder, adapter)
    programs.set(adapter, [cwd, `await import('${adapter}')`])
    programs.set(`@countersign/${adapter}`, [cwd, `await import('@countersign/${adapter}')`])
    for (const [name, code] of Object.entries(applications(adapter))) {
      writeFileSync(join(cwd, `${name}.mjs`), code)
      programs.set(`${name}, ${adapter}`, [cwd, `await import('./${name}.mjs')`])
      await build({
        absWorkingDir: cwd,
        entryPoints: [`${name}.mjs`],
        outfile: join(cwd, `${name}.bundle.cjs`),
        bundle: true,
        minify: true,
        platform: 'node',
        format: 'cjs',
        target: 'node20.19',
        logLevel: 'error',
      })
      // As a function's runtime does: with import, Node would first read all of it for the names of its exports.
      const required = `createRequire(${JSON.stringify(join(cwd, 'function.cjs'))})('./${name}.bundle.cjs')`
      programs.set(`${name}, ${adapter}, one file`, [cwd, required])
    }
  }
  const taken = time(programs)
  const of = (name: string, kind: keyof Taken): readonly number[] =>
    (taken.get(name) ?? []).map((each) => each[kind])
  const least = (name: string, kind: keyof Taken): number => Math.min(...of(name, kind))
  const imports = [...taken.keys()].map((name) => ({
    name,
    least: round(least(name, 'clock'), 1),
    median: round(median(of(name, 'clock')), 1),
    processor: round(least(name, 'processor'), 1),
  }))
  const ratios = adapters.map((adapter) => ({
    name: `@countersign/${adapter} over ${adapter}`,
    ratio: round(least(`@countersign/${adapter}`, 'clock') / least(adapter, 'clock'), 2),
    processor: round(least(`@countersign/${adapter}`, 'processor') / least(adapter, 'processor'), 2),
  }))
  const files = adapters.flatMap((adapter) =>
    Object.keys(applications(adapter)).map((name) => ({
      name: `${name}, ${adapter}`,
      bytes: statSync(join(folder, adapter, `${name}.bundle.cjs`)).size,
    })),
  )
  const core = readdirSync(packed).find((name) => name.startsWith('countersign-core-')) as string
  const weights = {
    packedCore: statSync(join(packed, core)).size,
    added: Object.fromEntries(adapters.map((adapter) => [adapter, added(join(folder, adapter), adapter)])),
  }
  if (values.json) console.log(JSON.stringify({ machine: machine(), imports, ratios, files, weights }))
  else {
    console.log('ms in a new process: least and median by the clock, least of the processor')
    for (const { name, least: low, median: middle, processor } of imports)
      console.log(
        `  ${name.padEnd(34)} ${[low, middle, processor].map((ms) => String(ms).padStart(7)).join(' ')}`,
      )
    for (const { name, ratio, processor } of ratios) {
      say(name, ratio, most.ratio)
      say('  by time of the processor', processor, most.ratio)
    }
    say('bytes of core, packed', weights.packedCore, most.packedCore)
    for (const [adapter, bytes] of Object.entries(weights.added))
      say(`bytes installed beside ${adapter}`, bytes, most.added)
    for (const { name, bytes } of files) console.log(`${`${name}, one file`.padEnd(38)} ${bytes} bytes`)
  }
}

function say(name: string, value: number, limit: number): void {
  console.log(`${name.padEnd(38)} ${value} (at most ${limit}: ${value <= limit ? 'holds' : 'does not hold'})`)
}

/** The smallest application with and without us, until it could listen. */
function applications(adapter: string): Record<'bare' | 'guarded', string> {
  if (adapter === 'express')
    return {
      bare: `import express from 'express'\nexpress().get('/', (_, res) => res.json({}))`,
      guarded: `import { aauth } from '@countersign/express'\nimport express from 'express'
const guard = aauth({ resource: 'https://notes.example', logger: false })
express().use(guard.endpoints()).get('/', guard.require('agent'), (_, res) => res.json({}))`,
    }
  const ready = (before: string, options: string): string => `import fastify from 'fastify'\n${before}
const app = fastify()
${options === '' ? '' : `app.register(aauth, { resource: 'https://notes.example', logger: false })`}
app.get('/', { ${options} }, async () => ({}))
app.ready()`
  return {
    bare: ready('', ''),
    guarded: ready(`import { aauth } from '@countersign/fastify'`, `config: { aauth: 'agent' }`),
  }
}

/** Milliseconds, by the clock and of the processor; others on the machine affect the second less. */
interface Taken {
  readonly clock: number
  readonly processor: number
}

function time(
  programs: ReadonlyMap<string, readonly [cwd: string, code: string]>,
): ReadonlyMap<string, Taken[]> {
  const taken = new Map<string, Taken[]>([...programs.keys()].map((name) => [name, []]))
  for (let i = 0; i < rounds; i++)
    for (const [name, [cwd, code]] of programs) {
      const program = `import { createRequire } from 'node:module'
const clock = performance.now()
const processor = process.cpuUsage()
${code}
const { user, system } = process.cpuUsage(processor)
console.log(JSON.stringify({ clock: performance.now() - clock, processor: (user + system) / 1000 }))`
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd,
        encoding: 'utf8',
      })
      taken.get(name)?.push(JSON.parse(said) as Taken)
    }
  return taken
}

/** A project with these packages and their dependencies, from the workspace; nothing is downloaded. */
function layOut(packed: string, names: readonly string[], project: string, framework: string): void {
  const modules = join(project, 'node_modules')
  for (const name of names) {
    const tarball = readdirSync(packed).find((file) => file.startsWith(`countersign-${name}-`)) as string
    mkdirSync(join(modules, '@countersign'), { recursive: true })
    execFileSync('tar', ['-xzf', join(packed, tarball), '-C', project])
    renameSync(join(project, 'package'), join(modules, '@countersign', name))
    for (const dependency of dependenciesOf(join(modules, '@countersign', name)))
      install(join(root, 'packages', name, 'node_modules', dependency), modules)
  }
  link(join(root, 'bench/node_modules', framework), join(modules, framework))
}

function dependenciesOf(folder: string): readonly string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  return Object.keys(dependencies).filter((name) => !name.startsWith('@countersign/'))
}

/** Includes its own dependencies, which pnpm has beside it. */
function install(from: string, modules: string): void {
  const beside = dirname(realpathSync(from))
  link(from, join(modules, basename(from)))
  for (const dependency of dependenciesOf(from)) install(join(beside, dependency), modules)
}

function link(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  if (!existsSync(to)) symlinkSync(realpathSync(from), to, 'junction')
}

/** Bytes of everything but the framework. */
function added(project: string, framework: string): number {
  const modules = join(project, 'node_modules')
  return readdirSync(modules)
    .filter((name) => name !== framework)
    .reduce((sum, name) => sum + sizeOf(realpathSync(join(modules, name))), 0)
}

function sizeOf(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { redisBinary, startRedis } from '../../packages/redis/src/testing/redis-server.js'
import type { Compiled } from './compile.js'
import { createStage } from './stage.js'

// The packages as they are published, used as they are used elsewhere. Each program serves an agent over a socket, or
// shows that it refuses one, and says `served`.
let stage: ReturnType<typeof createStage>
beforeAll(() => {
  stage = createStage(inject('packed').tarballs)
  copyFileSync(join(stage.folder, 'types/esm/app.ts'), join(stage.folder, 'types/cjs/app.ts'))
}, 120_000)
afterAll(() => stage?.close())

const root = fileURLToPath(new URL('../..', import.meta.url))
const execute = promisify(execFile)

/** What it wrote, on stdout or, when it failed, anywhere. */
async function node(args: readonly string[], cwd = stage.folder, env = process.env): Promise<string> {
  const maxBuffer = 64 * 1024 * 1024
  try {
    return (await execute(process.execPath, args, { cwd, env, maxBuffer, timeout: 590_000 })).stdout
  } catch (failure) {
    const { message, stdout = '', stderr = '' } = failure as Error & { stdout?: string; stderr?: string }
    return `${message}\n${stdout}\n${stderr}`
  }
}

const compile = fileURLToPath(new URL('../dist/consumers/compile.js', import.meta.url))
const tool = (path: string): string => join(stage.folder, 'node_modules', path)

describe('who uses the packages', () => {
  it.each(readdirSync(join(root, 'packages')))(
    'can follow every link of the README of %s on a registry’s page',
    (name) => {
      const readme = readFileSync(join(stage.folder, 'node_modules/@countersign', name, 'README.md'), 'utf8')
      const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string)
      expect(links).not.toEqual([])
      const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
        repository: string
      }
      const within = (link: string): boolean => link.startsWith(`${repository}/blob/main/`)
      expect(links.filter((link) => !within(link) && !/^https:|^#/.test(link))).toEqual([])
      expect(links.filter(within)).not.toEqual([])
    },
  )

  it('has one copy of each, by import and by require, in a process', async () => {
    expect(await node(['process/main.mjs'])).toBe('served\n')
  }, 60_000)

  it.runIf(redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required')(
    'opens the store of the environment where there is only CommonJS',
    async () => {
      const redis = await startRedis()
      try {
        const env = { ...process.env, AAUTH_REDIS_URL: redis.url }
        const args = ['--no-experimental-require-module', 'process/environment.cjs']
        expect(await node(args, stage.folder, env)).toBe('served\n')
      } finally {
        await redis.stop()
      }
    },
    60_000,
  )

  it.each([
    { kind: 'CommonJS', node: [], jest: [], tests: 5 },
    {
      kind: 'ES modules',
      node: ['--experimental-vm-modules'],
      jest: ['--testMatch', '**/*.test.mjs'],
      tests: 1,
    },
  ])(
    'has them in Jest with $kind',
    async (given) => {
      const args = [
        ...given.node,
        tool('jest/bin/jest.js'),
        '--ci',
        '--json',
        '--runInBand',
        '--no-cache',
        ...given.jest,
      ]
      const said = await node(args, join(stage.folder, 'jest'))
      expect(said).toContain('"numFailedTestSuites":0')
      expect(said).toContain(`"numPassedTests":${given.tests},`)
    },
    120_000,
  )

  it.each(['cjs', 'esm'])(
    'bundles them with esbuild (%s)',
    async (format) => {
      const outfile = join(stage.folder, 'bundle', `out.${format === 'esm' ? 'mjs' : 'cjs'}`)
      const banner =
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
      const args = [
        'main.js',
        '--bundle',
        '--platform=node',
        `--format=${format}`,
        `--outfile=${outfile}`,
        '--log-level=error',
      ]
      const said = await node(
        [tool('esbuild/bin/esbuild'), ...args, ...(format === 'esm' ? [`--banner:js=${banner}`] : [])],
        join(stage.folder, 'bundle'),
      )
      expect(said).toBe('')
      expect(await node([outfile])).toBe('served\n')
    },
    60_000,
  )

  it('has them in NestJS: as a middleware, as a guard of its own kind, and on Fastify', async () => {
    const folder = join(stage.folder, 'nest')
    expect(await node([tool('typescript59/bin/tsc'), '-p', folder])).toBe('')
    for (const program of ['main', 'guard', 'fastify'])
      expect(await node([join(folder, `dist/${program}.js`)])).toBe('served\n')
  }, 240_000)

  it.concurrent.each(['typescript54', 'typescript59', 'typescript6'])(
    'compiles with %s however it resolves modules, and runs what came of it',
    async (compiler) => {
      const said = await node([compile, compiler, join(stage.folder, 'types')])
      expect(said).toMatch(/^\[/)
      const results = JSON.parse(said) as Compiled[]
      expect(results.map(({ way, complaints }) => ({ way, complaints }))).toEqual(
        results.map(({ way }) => ({ way, complaints: [] })),
      )
      expect(results).toHaveLength(6)
      // Many ways come to the same text, and Node takes all of them the same way.
      const programs = new Map<string, string>()
      for (const program of results.flatMap((result) => result.programs)) {
        if (program.includes('observing')) continue
        const text = createHash('sha256').update(readFileSync(program))
        programs.set(text.update(readFileSync(join(dirname(program), 'package.json'))).digest('hex'), program)
      }
      expect(programs.size).toBeGreaterThanOrEqual(3)
      for (const program of programs.values()) expect(await node([program])).toBe('served\n')
    },
    600_000,
  )
})

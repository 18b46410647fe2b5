import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { type } from './shell.js'

// From a clone to a protected API, by what is written: the lines that `npm run pack` prints, the programs of the README,
// and the examples with the lines of their own READMEs. Nothing of the workspace is within reach of any of them.
const root = fileURLToPath(new URL('../..', import.meta.url))
const { repository, said } = inject('packed')
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-newcomer-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000)

/** The README's program that starts a server with this package, as a file `server.mjs` in a folder. */
async function writeServer(into: string, adapter: string, change = (code: string) => code): Promise<void> {
  const blocks = [...read('README.md').matchAll(/^```[jt]s\n(.*?)^```$/gms)].map(
    (match) => match[1] as string,
  )
  const program = blocks.find(
    (code) => code.includes(`'@countersign/${adapter}'`) && code.includes('.listen('),
  )
  if (program === undefined) throw new Error(`README.md has no program for ${adapter}`)
  const { code } = await transform(change(program), { loader: 'ts', format: 'esm' })
  writeFileSync(join(into, 'server.mjs'), code)
}

/** The options that a test in a town adds, docs of the devkit; `visit.mjs` has the town. */
function inTown(code: string): string {
  const changed = code.replace(/\baauth(\(|, )\{/, '$& fetch: town.fetch, clock: town.clock,')
  expect(changed).not.toBe(code)
  return changed
}

async function visit(project: string, ...args: string[]): Promise<unknown> {
  copyFileSync(fileURLToPath(new URL('projects/visit.mjs', import.meta.url)), join(project, 'visit.mjs'))
  const answered = await type(['node visit.mjs server.mjs /notes', ...args].join(' '), project)
  expect(answered).toMatch(/^\{/)
  return JSON.parse(answered)
}

const stranger = { status: 401, requirement: 'requirement=person-token' }

describe('the lines that `npm run pack` prints, in an empty project', () => {
  const lines = said.split('\n').filter((line) => line.startsWith('npm install '))

  it('are one for each framework, for it in NestJS, and beside these for the devkit and the Redis store', () => {
    const names = lines.map((line) =>
      line
        .split(' ')
        .slice(2)
        .map((word) => /countersign-(\w+)-[\d.]+\.tgz/.exec(word)?.[1] ?? `npm: ${word}`)
        .filter((name) => name !== 'npm: packed'),
    )
    const beneath = ['agent', 'core']
    expect(names.map((each) => each.filter((name) => !/countersign/.test(name)))).toEqual([
      [...beneath, 'express', 'npm: express'],
      [...beneath, 'fastify', 'npm: fastify'],
      [...beneath, 'express'],
      [...beneath, 'fastify'],
      ['npm: -D', 'devkit'],
      ['redis', 'npm: redis'],
    ])
  })

  it.concurrent.each([
    ['express', 0],
    ['fastify', 1],
  ])(
    'install what the program of README.md for %s needs',
    async (adapter, place) => {
      const project = join(folder, adapter)
      mkdirSync(project)
      expect(await type(lines[place] as string, project)).toMatch(/^\s*added \d+ packages/m)
      const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
      expect(Object.keys(dependencies)).toEqual(expect.arrayContaining([`@countersign/${adapter}`, adapter]))
      await writeServer(project, adapter)
      expect(await visit(project)).toEqual({ stranger })
    },
    300_000,
  )

  it.concurrent('install an agent as well, who is served', async () => {
    const project = join(folder, 'everything')
    mkdirSync(project)
    for (const place of [0, 1, 4, 5])
      expect(await type(lines[place] as string, project)).toMatch(/^\s*added \d+ packages?/m)
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    expect(Object.keys(devDependencies)).toEqual(['@countersign/devkit'])
    expect(Object.keys(dependencies)).toEqual(expect.arrayContaining(['@countersign/redis', 'redis']))
    for (const adapter of ['express', 'fastify']) {
      await writeServer(project, adapter, inTown)
      const notesOf = { ps: 'https://ps.example', sub: expect.any(String) }
      expect(await visit(project, 'notes.example')).toEqual({
        stranger,
        agent: { status: 200, body: { notesOf } },
      })
    }
  }, 300_000)
})

const examples = readdirSync(join(root, 'examples')).filter((name) => name !== 'corner-shop')
// One is a project by itself. The others are installed together, as the workspaces of one project, which takes a third of
// the time; that each names what it imports is seen by `knip`.
const alone = 'quickstart-express'
const together = examples.filter((name) => name !== alone)
const install = 'npm install --no-save ../../.reports/packed/*.tgz'

/** What the README of an example has one type below the line that installs it. */
function linesOf(example: string): readonly string[] {
  const [, block = ''] = /^```sh\n(.*?)^```$/ms.exec(read('examples', example, 'README.md')) ?? []
  const lines = block.split('\n').map((line) => line.replace(/\s+#.*/, ''))
  expect(lines.slice(0, 3)).toEqual(['npm run pack', `cd examples/${example}`, install])
  expect(lines).toContain('npm test')
  return lines.slice(3).filter((line) => line !== '')
}

/** Copies an example to where it is installed, and says where that is. */
function stage(example: string, into: string): string {
  const project = join(into, example)
  const filter = (path: string): boolean => !/[\\/](node_modules|dist)$/.test(path)
  cpSync(join(root, 'examples', example), project, { recursive: true, filter })
  return project
}

async function passes(lines: readonly string[], project: string, more = {}): Promise<void> {
  for (const line of lines) {
    const written = await type(line, project, more)
    expect(written).not.toMatch(/^failed/)
    // As one line of Node tells it, or another.
    if (line === 'npm test') expect(written).toMatch(/^(#|ℹ) pass [1-9]/m)
  }
}

const canRedis = redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required'

describe('the examples', () => {
  const workspaces = join(repository, 'examples', 'together')
  let redis: TestRedis | undefined
  beforeAll(async () => {
    for (const example of together) stage(example, workspaces)
    writeFileSync(join(workspaces, 'package.json'), JSON.stringify({ private: true, workspaces: together }))
    const [written] = await Promise.all([
      type(install, workspaces),
      canRedis ? startRedis().then((started) => (redis = started)) : undefined,
    ])
    expect(written).toMatch(/^\s*added \d+ packages/m)
  }, 300_000)
  afterAll(() => redis?.stop())

  it.concurrent(`${alone} passes its tests by the lines of its README`, async () => {
    const project = stage(alone, join(repository, 'examples'))
    await passes([install, ...linesOf(alone)], project)
  }, 300_000)

  it.concurrent.each(together)(
    '%s passes its tests by the lines of its README',
    async (example) => {
      const lines = linesOf(example)
      expect(lines.length).toBeGreaterThan(0)
      const project = join(workspaces, example)
      await passes(lines, project)
      const usesRedis = read('examples', example, 'README.md').includes('AAUTH_REDIS_URL')
      if (usesRedis && redis !== undefined)
        await passes(['npm test'], project, { AAUTH_REDIS_URL: redis.url })
    },
    300_000,
  )

  it.each(examples)('%s names the versions that are packed', (example) => {
    const { dependencies, devDependencies } = JSON.parse(read('examples', example, 'package.json')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >
    const { version } = JSON.parse(read('packages', 'core', 'package.json')) as { version: string }
    const named = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) =>
      name.startsWith('@countersign/'),
    )
    expect(named.map(([, range]) => range)).toEqual(named.map(() => `^${version}`))
    expect(named.length).toBeGreaterThan(1)
  })
})

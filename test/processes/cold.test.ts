import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// What an import costs is what is loaded by it (docs/performance.md, "Cold start"). Times are measured by bench/cold; here
// stands what they come of, which no other load on a machine changes.
const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = join(root, 'packages')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

describe('what the import of an adapter loads', () => {
  let folder: string
  let modules: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-bundle-'))
    modules = join(folder, 'node_modules')
    execFileSync(process.execPath, [join(root, 'scripts/bundle.mjs'), join(folder, 'packages')])
    for (const name of readdirSync(packages)) {
      const own = join(modules, '@countersign', name)
      mkdirSync(own, { recursive: true })
      renameSync(join(folder, 'packages', name), join(own, 'dist'))
      const { exports } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as Manifest
      const entries = Object.entries(exports).flatMap(([entry, to]) =>
        typeof to === 'string'
          ? []
          : [[entry, { import: to.default, require: to.default.replace('/dist/', '/dist/cjs/') }]],
      )
      const manifest = { name: `@countersign/${name}`, type: 'module', exports: Object.fromEntries(entries) }
      writeFileSync(join(own, 'package.json'), JSON.stringify(manifest))
    }
    for (const path of ['fastify/node_modules/fastify-plugin', 'core/node_modules/tldts-icann'])
      symlinkSync(join(packages, path), join(modules, basename(path)), 'junction')
  }, 240_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** What a new process has loaded after this, below `node_modules`, but for the entries that pass on what is imported. */
  function loadedBy(code: string): string[] {
    const say = `import { createRequire } from 'node:module'
console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)))`
    const args = ['--preserve-symlinks', '--input-type=module', '-e', `${code}\n${say}`]
    const said = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    const paths = JSON.parse(said) as string[]
    return paths.map((path) => path.slice(path.lastIndexOf('node_modules') + 13).replaceAll('\\', '/')).sort()
  }

  it.each([
    ['express', [] as string[]],
    ['fastify', ['fastify-plugin/index.js']],
  ])('%s: a handful of files, and of other packages nothing but the framework’s own', (adapter, others) => {
    const loaded = loadedBy(`await import('@countersign/${adapter}')`)
    const own = [
      'core/dist/cjs/entries/adapter.js',
      'core/dist/cjs/index.js',
      'core/dist/cjs/shared/main.js',
      'core/dist/cjs/shared/signature.js',
      `${adapter}/dist/cjs/index.js`,
    ].map((path) => `@countersign/${path}`)
    expect(loaded.filter((path) => !path.startsWith('fastify-plugin/lib/'))).toEqual(
      [...own, ...others].sort(),
    )
    const bytes = own.reduce((sum, path) => sum + statSync(join(modules, path)).size, 0)
    expect(bytes).toBeLessThan(400_000)
  })

  /** The files of core that are loaded by this beyond those that an import loads. */
  const loadedLater = (code: string): string[] =>
    loadedBy(`const { createResourceServer } = await import('@countersign/core')
${code}`).flatMap(
      (path) => /^@countersign\/core\/dist\/cjs\/shared\/(?!main|signature)(.*)$/.exec(path)?.[1] ?? [],
    )
  const options = `{ resource: 'https://notes.example', logger: false }`

  it.each([
    ['an import', '', []],
    ['a server, whose options are checked', `createResourceServer(${options})`, ['zod.js']],
    [
      'the first address of an issuer',
      `const { createGuardedFetch } = await import('@countersign/core')
createGuardedFetch({ nat64Prefix: '64:ff9b::/96' })`,
      ['addresses.js'],
    ],
    [
      'a server that calls others in its callers’ names',
      `const { generateKeyPairSync } = await import('node:crypto')
const { privateKey } = generateKeyPairSync('ed25519')
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'Ed25519' }
const { connectSuppliers } = await import('@countersign/agent')
createResourceServer({ ...${options}, signingKeys: [key], onward: { connect: connectSuppliers } })`,
      ['chaining.js', 'keys.js', 'pages.js', 'zod.js'],
    ],
  ])('loads for %s what that needs', (_, code, files) => {
    expect(loadedLater(code)).toEqual(files)
  })

  it('asks the package of the public suffixes for the first issuer, and carries no copy', () => {
    const shared = join(modules, '@countersign/core/dist/cjs/shared')
    const files = readdirSync(shared).filter((name) => !name.endsWith('.map'))
    expect(files.sort()).toEqual([
      'addresses.js',
      'audit.js',
      'authorization.js',
      'chaining.js',
      'jose.js',
      'keys.js',
      'main.js',
      'pages.js',
      'pending.js',
      'signature.js',
      'zod.js',
    ])
    const text = readFileSync(join(shared, 'main.js'), 'utf8')
    expect(text).toMatch(/function loadSuffixes\(\) ?\{\s*return require\("tldts-icann"\)/)
  })

  it('gives a program that verifies signatures alone neither the server nor Zod', () => {
    const loaded = loadedBy(`await import('@countersign/core/signature')`)
    expect(loaded.map((path) => basename(path))).toEqual(['signature.js', 'index.js'])
  })

  it('names in a stack the functions, and with --enable-source-maps the file and the line in the repository', () => {
    const code = `import { createResourceServer } from '@countersign/core'
try { createResourceServer({ resource: 'https://notes.example', logger: false, verifiedTokens: 'many' }) }
catch (error) { console.log(error.stack) }`
    const stack = (...options: readonly string[]): string =>
      execFileSync(process.execPath, [...options, '--input-type=module', '-e', code], {
        cwd: folder,
        encoding: 'utf8',
      })
    expect(stack()).toMatch(/at parse\S* .*\bmain\.js:\d+[\s\S]*at checkConfiguration .*\bmain\.js:\d+/)
    const of = 'blob/v[^/]+/packages/core/src/'
    const mapped = new RegExp(`/${of}configuration/configuration\\.ts:(\\d+):`).exec(
      stack('--enable-source-maps'),
    )
    const source = readFileSync(join(packages, 'core/src/configuration/configuration.ts'), 'utf8').split('\n')
    expect(source[Number(mapped?.[1]) - 1]).toContain('throw new TypeError(')
  })

  it('has a map that says of every line of ours, and of no other, where it is from', () => {
    const shared = join(modules, '@countersign/core/dist/cjs/shared')
    let functions = 0
    for (const file of ['main.js', 'signature.js', 'audit.js']) {
      const lines = readFileSync(join(shared, file), 'utf8').split('\n').slice(0, -2)
      const map = new SourceMap(
        JSON.parse(readFileSync(join(shared, `${file}.map`), 'utf8')) as SourceMapPayload,
      )
      const sources = new Map<string, readonly string[]>()
      for (const [at, line] of lines.entries()) {
        const name = /^(?:async )?function (\w+)\(/.exec(line)?.[1]
        const entry = map.findEntry(at, 0) as Partial<SourceMapping>
        if (entry.originalSource === undefined) continue
        expect(entry.generatedLine).toBe(at)
        const path = entry.originalSource.replace(/^.*\/packages\//, '')
        if (!sources.has(path)) sources.set(path, readFileSync(join(packages, path), 'utf8').split('\n'))
        if (name === undefined) continue
        functions++
        expect(sources.get(path)?.[entry.originalLine as number]).toMatch(/\bfunction /)
      }
    }
    expect(functions).toBeGreaterThan(150)
  })

  it.each(['audit', 'explain', 'otel', 'policies'])('core/%s has no class of its own twice', (entry) => {
    const all = join(modules, '@countersign/core/dist/cjs')
    // But for those of others, whose names are short.
    const carried = ['addresses.js', 'jose.js', 'zod.js']
    const shared = readdirSync(join(all, 'shared')).filter(
      (name) => name.endsWith('.js') && !carried.includes(name),
    )
    const files = [...shared.map((name) => `shared/${name}`), `entries/${entry}.js`].map((path) =>
      join(all, path),
    )
    const classes = files.flatMap((file) =>
      [
        ...readFileSync(file, 'utf8').matchAll(
          /\b(?:var (\w+) ?= ?class|class (\w+)(?: extends [\w.]+)? ?\{)/g,
        ),
      ].map((match) => match[1] ?? match[2]),
    )
    expect(classes.length).toBeGreaterThan(10)
    expect(new Set(classes).size).toBe(classes.length)
  })
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// What an import costs is what is loaded by it (docs/performance.md, "Cold start"). Times are measured by bench/cold; here
// stands what they come of, which no other load on a machine changes.
const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = join(root, 'packages')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

/** The modules that a module of the bundle imports before it runs, and those that it imports when it needs them. */
function importsOf(path: string): { readonly first: string[]; readonly later: string[] } {
  const text = readFileSync(path, 'utf8')
  const first = text.matchAll(/^(?:import|export)\b(?:[^;'"]*\bfrom)? ?(['"])([^'"]+)\1;$/gm)
  const later = text.matchAll(/\bimport\((['"])([^'"]+)\1\)/g)
  return {
    first: [...first].map((match) => match[2] as string),
    later: [...later].map((match) => match[2] as string),
  }
}

describe('what the import of an adapter loads', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-bundle-'))
    execFileSync(process.execPath, [join(root, 'scripts/bundle.mjs'), folder])
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The file of an entry of ours; `undefined` for anybody else's. */
  const fileOf = (specifier: string, from: string): string | undefined => {
    if (specifier.startsWith('.')) return join(dirname(from), specifier)
    const [, name, path = ''] = /^@countersign\/(\w+)(?:\/(.+))?$/.exec(specifier) ?? []
    if (name === undefined) return undefined
    const { exports } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as Manifest
    const entry = exports[path === '' ? '.' : `./${path}`] as { readonly default: string }
    return join(folder, name, entry.default.replace('./dist/', ''))
  }

  function loadedBy(entry: string): { files: string[]; others: string[]; later: string[] } {
    const files = new Set<string>()
    const others = new Set<string>()
    const later = new Set<string>()
    const load = (path: string): void => {
      if (files.has(path)) return
      files.add(path)
      const imports = importsOf(path)
      for (const name of imports.later) later.add(name)
      for (const specifier of imports.first) {
        const file = fileOf(specifier, path)
        if (file !== undefined) load(file)
        else if (!isBuiltin(specifier)) others.add(specifier)
      }
    }
    load(entry)
    return { files: [...files], others: [...others], later: [...later] }
  }

  it.each([
    ['express', [] as string[]],
    ['fastify', ['fastify-plugin']],
  ])('%s: a handful of files, and of other packages nothing but the framework’s own', (adapter, others) => {
    const loaded = loadedBy(join(folder, adapter, 'index.js'))
    expect(loaded.others).toEqual(others)
    expect(loaded.files.map((file) => file.slice(folder.length + 1).replaceAll('\\', '/')).sort()).toEqual(
      [
        'agent/index.js',
        'core/entries/adapter.js',
        'core/entries/issuer.js',
        'core/index.js',
        'core/shared/main.js',
        'core/signature/index.js',
        `${adapter}/index.js`,
      ].sort(),
    )
    expect(loaded.later).toEqual(['jose'])
    const bytes = loaded.files.reduce((sum, file) => sum + statSync(file).size, 0)
    expect(bytes).toBeLessThan(1_100_000)
  })

  it('has the list of public suffixes within, which is made when it is first asked for', () => {
    const text = readFileSync(join(folder, 'core/shared/main.js'), 'utf8')
    expect(text).toMatch(/function loadSuffixes\(\) \{\s*return init_\w+\(\), __toCommonJS/)
    expect(text).not.toContain("'tldts-icann'")
  })

  it.each(['audit', 'explain', 'otel', 'policies'])('core/%s has no class of its own twice', (entry) => {
    const { files } = loadedBy(join(folder, 'core/entries', `${entry}.js`))
    const classes = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:var (\w+) = )?class (\w+)?/gm)].map(
        (match) => match[1] ?? match[2],
      ),
    )
    expect(classes.length).toBeGreaterThan(10)
    expect(new Set(classes).size).toBe(classes.length)
  })
})

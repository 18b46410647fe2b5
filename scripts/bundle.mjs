// node scripts/bundle.mjs FOLDER — the ES modules alone, of every package, in a folder of its name.
//
// The ES modules and the declarations of a package as they are published: one file for each entry, and what entries share
// in files between them, so that a class is there once. To load some hundreds of small files takes longer than to run
// them. Dependencies that every process needs are carried within, each with the parts that are used; what only some need
// (`jose`) is left to be loaded when it is.
//
// It is made from what `tsc -b` has already compiled and checked.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { root } from './bootstrap.mjs'

/** Dependencies that are carried, and who brings them. */
const carried = new Map([
  ['ipaddr.js', undefined],
  ['lru-cache', undefined],
  ['structured-headers', undefined],
  ['tldts-icann', undefined],
  ['tldts-core', 'tldts-icann'],
  ['zod', undefined],
])

/**
 * The manifest without what is carried.
 *
 * @template {{ readonly dependencies?: Record<string, string> }} M
 * @param {M} manifest
 * @returns {M}
 */
export const withoutCarried = (manifest) => ({
  ...manifest,
  dependencies: Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => !carried.has(name)),
  ),
})

/**
 * @param {string} folder a package of the workspace, built
 * @param {string} out a folder for its `dist`, emptied before
 * @param {readonly { readonly types: string, readonly default: string }[]} entries within the package
 */
export const bundle = async (folder, out, entries) => {
  rmSync(out, { recursive: true, force: true })
  await bundleModules(folder, out, entries)
  await bundleTypes(folder, out, entries)
}

/**
 * The ES modules alone.
 *
 * @param {string} folder a package of the workspace, built
 * @param {string} out
 * @param {readonly { readonly default: string }[]} entries within the package
 */
const bundleModules = async (folder, out, entries) => {
  const dist = join(folder, 'dist')
  const parts = mkdtempSync(join(tmpdir(), 'countersign-bundle-'))
  const { metafile, warnings } = await build({
    absWorkingDir: dist,
    entryPoints: entries.map((entry) => join(folder, entry.default)),
    outdir: parts,
    outbase: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // As ES modules, of which what nobody uses can be left out.
    mainFields: ['module', 'main'],
    target: 'node20.19',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    plugins: [
      {
        name: 'carried',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /^[^./]/ }, isElsewhere)
          onLoad({ filter: /[\\/]issuer[\\/]site\.js$/ }, requireWithin)
          onLoad({ filter: /[\\/]node_modules[\\/].*\.m?js$/ }, shortened)
        },
      },
    ],
  })
  if (warnings.length > 0) throw new Error(`${folder}: the bundle has warnings, see above`)
  try {
    await joinParts(parts, out, entries)
  } finally {
    rmSync(parts, { recursive: true, force: true })
  }
  copyLicences(dist, out, metafile)
}

/**
 * esbuild has a file for every set of entries that share something, of which there are dozens. Whatever an adapter needs
 * goes together into one.
 *
 * @param {string} parts what esbuild has made
 * @param {string} out
 * @param {readonly { readonly default: string }[]} entries
 */
const joinParts = async (parts, out, entries) => {
  const input = entries.map((entry) => relative('dist', entry.default))
  /** @type {Set<string>} */
  const always = new Set()
  const made = await rollup({
    input: Object.fromEntries(input.map((path) => [path.replace(/\.js$/, ''), join(parts, path)])),
    external: (path) => !path.startsWith('.') && !path.startsWith(parts),
    treeshake: { moduleSideEffects: false },
    onwarn: ({ message }) => {
      throw new Error(message)
    },
    plugins: [
      {
        name: 'what is always loaded',
        buildEnd() {
          /** @param {string} id */
          const add = (id) => {
            if (always.has(id) || !id.startsWith(parts)) return
            always.add(id)
            for (const next of this.getModuleInfo(id)?.importedIds ?? []) add(next)
          }
          for (const path of input) if (!seldom.has(path)) add(join(parts, path))
        },
      },
    ],
  })
  await made.write({
    dir: out,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    manualChunks: (id) => (always.has(id) && entries.length > 1 ? 'main' : undefined),
    minifyInternalExports: false,
    hoistTransitiveImports: false,
  })
  await made.close()
}

/** Entries that no adapter imports. */
const seldom = new Set([
  'crypto/sodium.js',
  'entries/audit.js',
  'entries/explain.js',
  'entries/otel.js',
  'entries/policies.js',
  'store/store-contract.js',
])

const asRequired = "createRequire(import.meta.url)('tldts-icann')"

/**
 * As esbuild knows it: carried, and run where it is called.
 *
 * @param {import('esbuild').OnLoadArgs} args
 * @returns {import('esbuild').OnLoadResult}
 */
const requireWithin = ({ path }) => {
  const text = readFileSync(path, 'utf8')
  if (!text.includes(asRequired)) throw new Error(`${path} does not say ${asRequired}`)
  return { contents: text.replace(asRequired, "require('tldts-icann')"), loader: 'js' }
}

/**
 * What is carried is for nobody to read here: its own repository has it. Ours stays as it was written, so that a stack
 * says where it was.
 *
 * @param {import('esbuild').OnLoadArgs} args
 * @returns {Promise<import('esbuild').OnLoadResult>}
 */
const shortened = async ({ path }) => {
  const { code } = await transform(readFileSync(path, 'utf8'), { minify: true, target: 'node20.19' })
  return { contents: code, loader: 'js' }
}

/** @param {import('esbuild').OnResolveArgs} args */
const isElsewhere = ({ path, kind }) =>
  kind === 'entry-point' || carried.has(path) || /^(zod|tldts-core)\//.test(path)
    ? undefined
    : { path, external: true }

/**
 * Only what can be reached from an entry: not a word of what the package is made of.
 *
 * @param {string} folder
 * @param {string} out
 * @param {readonly { readonly types: string }[]} entries
 */
const bundleTypes = async (folder, out, entries) => {
  const dist = join(folder, 'dist')
  const input = entries.map(({ types }) => join(folder, types))
  const made = await rollup({
    input: Object.fromEntries(input.map((path) => [relative(dist, path).replace(/\.d\.ts$/, ''), path])),
    external: (path) => !path.startsWith('.') && !path.startsWith('/') && !/^[A-Z]:/.test(path),
    plugins: [dts({ compilerOptions: { skipLibCheck: true } })],
  })
  await made.write({
    dir: out,
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'shared/[name]-[hash].d.ts',
  })
  await made.close()
}

/**
 * @param {string} dist
 * @param {string} out
 * @param {import('esbuild').Metafile} metafile
 */
const copyLicences = (dist, out, metafile) => {
  for (const [name, by] of carried) {
    const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
    const found = inputs.find((input) => input.includes(`/node_modules/${name}/`))
    if (found === undefined) continue
    const path = realpathSync(join(dist, found))
    const at = path.slice(0, path.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}`.length)
    const licence = readdirSync(at).find((file) => /^licen[cs]e/i.test(file))
    if (licence === undefined) throw new Error(`${name}${by === undefined ? '' : ` of ${by}`} has no licence`)
    copyFileSync(join(at, licence), join(out, `LICENSE.${name}.txt`))
  }
}

/** @param {{ readonly exports: Record<string, { readonly types: string, readonly default: string } | string> }} manifest of the workspace */
export const entriesOf = ({ exports }) =>
  Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry]))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder = ''] = process.argv
  for (const name of readdirSync(join(root, 'packages'))) {
    const source = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    await bundleModules(source, join(folder, name), entriesOf(manifest))
  }
}

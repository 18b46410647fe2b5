// node scripts/bundle.mjs FOLDER — the code alone, of every package, in a folder of its name.
//
// The code and the declarations of a package as they are published. The code is there once, as CommonJS (`dist/cjs`), which
// everything can load: Node by import and by require, bundlers, and Jest, for which an ES module is out of reach below
// Node 24.9. What is imported passes on what is required, so that a class is there once in a process whoever asks for it.
//
// What the entries of a package share is in one file: to load some hundreds of small ones takes longer than to run them.
// Dependencies are carried within, each with the parts that are used; what only some processes need (`jose`, the public
// suffixes) is in a file of its own, loaded when it is.
//
// It is made from what `tsc -b` has already compiled and checked.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { minify } from 'terser'
import { root } from './bootstrap.mjs'

/** @typedef {{ readonly types: string, readonly default: string }} Entry */

/** Dependencies that are carried. */
const carried = ['ipaddr.js', 'jose', 'lru-cache', 'structured-headers', 'tldts-core', 'tldts-icann', 'zod']

/** @param {string} path */
const isCarried = (path) => carried.some((name) => path === name || path.startsWith(`${name}/`))

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
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => !carried.includes(name)),
  ),
})

const target = 'node20.19'

/**
 * @param {string} folder a package of the workspace, built
 * @param {string} out a folder for its `dist`, emptied before
 * @param {readonly Entry[]} entries within the package
 */
export const bundle = async (folder, out, entries) => {
  await bundleCode(folder, out, entries)
  await bundleTypes(folder, join(out, 'cjs'), entries)
}

/**
 * All but the declarations.
 *
 * @param {string} folder a package of the workspace, built
 * @param {string} out
 * @param {readonly Entry[]} entries within the package
 */
const bundleCode = async (folder, out, entries) => {
  rmSync(out, { recursive: true, force: true })
  const dist = join(folder, 'dist')
  const parts = mkdtempSync(join(tmpdir(), 'countersign-bundle-'))
  try {
    const inputs = await makeParts(dist, parts, entries)
    const made = await joinParts(parts, join(out, 'cjs'), entries)
    for (const entry of entries) passOn(folder, out, entry, made.get(entry.default) ?? [])
    if (inputs.some((input) => /[\\/]issuer[\\/]site\.js$/.test(input)))
      inputs.push(...(await bundleSuffixes(folder, join(out, 'cjs', 'shared'))))
    copyLicences(inputs, out)
  } finally {
    rmSync(parts, { recursive: true, force: true })
  }
  // The nearest package.json decides what a `.js` is, for Node and for TypeScript.
  writeFileSync(join(out, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n')
}

/**
 * As ES modules, of which what nobody uses can be left out: one file for each entry, and one for each set of entries that
 * share something.
 *
 * @param {string} dist
 * @param {string} parts a folder for them
 * @param {readonly Entry[]} entries
 * @returns {Promise<string[]>} what they are made of
 */
const makeParts = async (dist, parts, entries) => {
  const { metafile, warnings } = await build({
    absWorkingDir: dist,
    entryPoints: entries.map((entry) => join(dist, '..', entry.default)),
    outdir: parts,
    outbase: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    target,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    plugins: [
      {
        name: 'carried',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            kind === 'entry-point' || isCarried(path) ? undefined : { path, external: true },
          )
          onLoad({ filter: /[\\/]node_modules[\\/].*\.m?js$/ }, shortened)
        },
      },
    ],
  })
  if (warnings.length > 0) throw new Error(`${dist}: the bundle has warnings, see above`)
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  return inputs.map((input) => join(dist, input))
}

/**
 * What is carried is for nobody to read here: its own repository has it.
 *
 * @param {import('esbuild').OnLoadArgs} args
 * @returns {Promise<import('esbuild').OnLoadResult>}
 */
const shortened = async ({ path }) => {
  const { code } = await transform(readFileSync(path, 'utf8'), { minify: true, target })
  return { contents: code, loader: 'js' }
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

/**
 * Whatever an adapter needs goes together into one file.
 *
 * @param {string} parts
 * @param {string} out
 * @param {readonly Entry[]} entries
 * @returns {Promise<ReadonlyMap<string, readonly string[]>>} what each entry exports, by its path in the package
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
      {
        name: 'as CommonJS says it',
        transform: (code) => ({ code: code.replace(asRequired, "require('./tldts-icann.js')"), map: null }),
        // Within the one file of an application, an ES module, there is no name of this file.
        resolveImportMeta: (property) =>
          property === 'url'
            ? `require('node:url').pathToFileURL(typeof __filename === 'string' ? __filename : process.argv[1] ?? process.execPath).href`
            : null,
        renderChunk: async (code) => {
          // A line for each statement, and every name as it was written: a stack says where it was.
          const { code: short = '' } = await minify(code, {
            compress: false,
            mangle: false,
            format: { semicolons: false, comments: false, ecma: 2020 },
          })
          return { code: short, map: null }
        },
      },
    ],
  })
  const { output } = await made.write({
    dir: out,
    format: 'cjs',
    exports: 'named',
    esModule: true,
    interop: (id) => (id !== null && isBuiltin(id) ? 'default' : 'auto'),
    dynamicImportInCjs: false,
    externalLiveBindings: false,
    generatedCode: 'es2015',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    manualChunks: (id) => (always.has(id) && entries.length > 1 ? 'main' : undefined),
    minifyInternalExports: false,
    hoistTransitiveImports: false,
  })
  await made.close()
  return new Map(
    output.flatMap((file) => (file.type === 'chunk' ? [[`./dist/${file.fileName}`, file.exports]] : [])),
  )
}

const asRequired = /\w+\.createRequire\(import\.meta\.url\)\(["']tldts-icann["']\)/

/**
 * The list of public suffixes, with the one function of it that is used.
 *
 * @param {string} folder
 * @param {string} out
 */
const bundleSuffixes = async (folder, out) => {
  const { metafile } = await build({
    absWorkingDir: folder,
    stdin: { contents: "export { getDomain } from 'tldts-icann'", resolveDir: folder },
    outfile: join(out, 'tldts-icann.js'),
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    mainFields: ['module', 'main'],
    target,
    legalComments: 'none',
    metafile: true,
  })
  return Object.keys(metafile.inputs).map((input) => join(folder, input))
}

/**
 * An entry as an ES module: what its CommonJS has, name by name, since each is to be found without running it; and its
 * declarations. Every type is there once, as CommonJS, which an ES module may name, too: with a copy for each, a program that
 * has both kinds of module would hold two declarations of `req.aauth`, and TypeScript refuses that.
 *
 * @param {string} folder
 * @param {string} out
 * @param {Entry} entry
 * @param {readonly string[]} names
 */
const passOn = (folder, out, entry, names) => {
  const path = relative('dist', entry.default).replaceAll('\\', '/')
  const from = `'${path.replace(/[^/]+\//g, '../').replace(/[^/]+$/, '') || './'}cjs/${path}'`
  // A default of a CommonJS module would be all of `module.exports`, and is not among what `*` stands for.
  const named = /(\w+) as default\b/.exec(readFileSync(join(folder, entry.types), 'utf8'))?.[1]
  if (names.includes('default') !== (named !== undefined))
    throw new Error(`${folder}: the default of ${path} has no name of its own`)
  const byDefault = named === undefined ? [] : [`${named} as default`]
  const all = [...names.filter((name) => name !== 'default'), ...byDefault]
  mkdirSync(dirname(join(out, path)), { recursive: true })
  writeFileSync(join(out, path), `export { ${all.join(', ')} } from ${from}\n`)
  const types = [`export * from ${from}\n`, ...byDefault.map((name) => `export { ${name} } from ${from}\n`)]
  writeFileSync(join(out, relative('dist', entry.types)), types.join(''))
}

/**
 * Only what can be reached from an entry: not a word of what the package is made of.
 *
 * @param {string} folder
 * @param {string} out
 * @param {readonly Entry[]} entries
 */
const bundleTypes = async (folder, out, entries) => {
  const dist = join(folder, 'dist')
  const input = entries.map(({ types }) => join(folder, types))
  const made = await rollup({
    input: Object.fromEntries(input.map((path) => [relative(dist, path).replace(/\.d\.ts$/, ''), path])),
    external: (path) => !path.startsWith('.') && !path.startsWith('/') && !/^[A-Z]:/.test(path),
    plugins: [dts({ compilerOptions: { skipLibCheck: true } })],
  })
  const { output } = await made.write({
    dir: out,
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'shared/[name]-[hash].d.ts',
  })
  await made.close()
  // It would not be there: nobody installs what is carried.
  const foreign = output.flatMap((file) => (file.type === 'chunk' ? file.imports.filter(isCarried) : []))
  if (foreign.length > 0) throw new Error(`${folder}: declarations name ${foreign.join(', ')}`)
}

/**
 * @param {readonly string[]} inputs what is in the bundle
 * @param {string} out
 */
const copyLicences = (inputs, out) => {
  for (const name of carried) {
    const found = inputs.find((input) => input.includes(`/node_modules/${name}/`))
    if (found === undefined) continue
    const path = realpathSync(found)
    const at = path.slice(0, path.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}`.length)
    const licence = readdirSync(at).find((file) => /^licen[cs]e/i.test(file))
    if (licence === undefined) throw new Error(`${name} has no licence`)
    copyFileSync(join(at, licence), join(out, `LICENSE.${name}.txt`))
  }
}

/** @param {{ readonly exports: Record<string, Entry | string> }} manifest of the workspace */
export const entriesOf = ({ exports }) =>
  Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry]))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder = ''] = process.argv
  for (const name of readdirSync(join(root, 'packages'))) {
    const source = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    await bundleCode(source, join(folder, name), entriesOf(manifest))
  }
}

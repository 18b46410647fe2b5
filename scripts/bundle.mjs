// node scripts/bundle.mjs FOLDER — the bare code of every package, in a folder with its name.
//
// Makes the code and the declarations of a package as they are published. The code is there once, as CommonJS
// (`dist/cjs`), because everything can load that: Node with import and with require, bundlers, and Jest, which cannot
// load an ES module below Node 24.9. The ES modules re-export it, so that a process has one copy of each class.
//
// Code shared by the entries of a package is in one file, because loading hundreds of small files takes longer than
// running them. Code that only some processes need is in separate files, each loaded at first use.
//
// Dependencies of which only little is used are bundled. The list of public suffixes is not: nothing of it could be
// omitted, it is loaded only with the first issuer, and as a dependency its version is visible.
//
// A stack trace has the original names of functions; with `--enable-source-maps` also the file and the line, by their
// address in the repository.
//
// The input is what `tsc -b` has compiled and checked.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { build, transform } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { minify } from 'terser'
import { root } from './bootstrap.mjs'

/** @typedef {{ readonly types: string, readonly default: string }} Entry */

/** Dependencies that are bundled. */
const carried = ['ipaddr.js', 'jose', 'lru-cache', 'structured-headers', 'zod']

/** @param {string} path */
const isCarried = (path) => carried.some((name) => path === name || path.startsWith(`${name}/`))

/**
 * The manifest without the bundled dependencies.
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
 * @param {string} base the address of the package's folder in its repository, for the maps; ends with `/`
 */
export const bundle = async (folder, out, entries, base) => {
  await bundleCode(folder, out, entries, base)
  await bundleTypes(folder, join(out, 'cjs'), entries)
}

/**
 * Makes everything but the declarations.
 *
 * @param {string} folder a package of the workspace, built
 * @param {string} out
 * @param {readonly Entry[]} entries within the package
 * @param {string} base
 */
const bundleCode = async (folder, out, entries, base) => {
  rmSync(out, { recursive: true, force: true })
  const { inputs, exported } = await makeFiles(join(folder, 'dist'), join(out, 'cjs'), entries, base)
  for (const entry of entries) passOn(folder, out, entry, exported.get(entry.default) ?? [])
  copyLicences(inputs, out)
  // The nearest package.json decides what a `.js` file is, for Node and for TypeScript.
  writeFileSync(join(out, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n')
}

/**
 * @param {string} dist
 * @param {string} out
 * @param {readonly Entry[]} entries
 * @param {string} base
 * @returns {Promise<{ inputs: string[], exported: ReadonlyMap<string, readonly string[]> }>} of what modules the files are
 * made, and what each entry exports, by its path in the package
 */
const makeFiles = async (dist, out, entries, base) => {
  /** @param {{ readonly default: string }} entry */
  const pathOf = (entry) => relative('dist', entry.default).replaceAll('\\', '/')
  /** @type {ReadonlyMap<string, string>} */
  let files = new Map()
  const made = await rollup({
    input: Object.fromEntries(
      entries.map((entry) => [pathOf(entry).replace(/\.js$/, ''), join(dist, pathOf(entry))]),
    ),
    external: (path) => /^[^./]/.test(path) && !isAbsolute(path) && !isCarried(path),
    treeshake: { moduleSideEffects: false },
    onwarn: ({ code, ids = [], message }) => {
      const foreign = code === 'CIRCULAR_DEPENDENCY' && ids.every((id) => id.includes('node_modules'))
      // Between a file that is loaded later and the files that load it.
      if (!foreign && code !== 'CIRCULAR_CHUNK') throw new Error(message)
    },
    plugins: [
      nodeResolve(),
      {
        name: 'what is in which file',
        buildEnd() {
          files = placed(this, dist, entries.map(pathOf))
        },
      },
      {
        name: 'as CommonJS says it',
        load: async (id) => {
          if (!id.includes('node_modules'))
            return { code: readFileSync(id, 'utf8'), map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) }
          // The only bundled dependency without an ES module.
          if (!/[\\/]node_modules[\\/]ipaddr\.js[\\/]/.test(id)) return null
          const { outputFiles } = await build({
            entryPoints: [id],
            bundle: true,
            format: 'esm',
            write: false,
          })
          return { code: outputFiles[0]?.text ?? '', map: { mappings: '' } }
        },
        transform: async (code, id) =>
          id.includes('node_modules')
            ? // With its comments, by which rollup knows what may be left out.
              { code: (await transform(code, { minifySyntax: true, target })).code, map: { mappings: '' } }
            : { code: code.replace(asRequired, "require('tldts-icann')"), map: null },
        // In an application bundled to one ES module, this file has no name.
        resolveImportMeta: (property) =>
          property === 'url'
            ? `require('node:url').pathToFileURL(typeof __filename === 'string' ? __filename : process.argv[1] ?? process.execPath).href`
            : null,
        renderChunk: async (code, { modules }) => {
          const foreign = Object.entries(modules).filter(([id]) => id.includes('node_modules'))
          const carried =
            foreign.reduce((sum, [, { renderedLength }]) => sum + renderedLength, 0) > code.length / 2
          // Of our code one line for each statement, with the names of all functions and classes, for readable stack
          // traces.
          const lazy = whenUsed(code)
          const { code: short = '', decoded_map: map } = await minify(lazy, {
            sourceMap: true,
            compress: false,
            mangle: carried
              ? { toplevel: true }
              : { keep_fnames: true, keep_classnames: true, reserved: namesOfFunctions(lazy) },
            format: { semicolons: carried, comments: false, ecma: 2020 },
          })
          return { code: short, map: carried ? { mappings: '' } : firstOfLines(map) }
        },
      },
    ],
  })
  const { output } = await made.generate({
    dir: out,
    format: 'cjs',
    sourcemap: 'hidden',
    sourcemapExcludeSources: true,
    sourcemapPathTransform: (path, map) =>
      base + relative(dirname(dist), join(dirname(map), path)).replaceAll('\\', '/'),
    exports: 'named',
    esModule: true,
    interop: (id) => (id !== null && isBuiltin(id) ? 'default' : 'auto'),
    dynamicImportInCjs: false,
    externalLiveBindings: false,
    generatedCode: 'es2015',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => `shared/${name.replace(later, '')}.js`,
    manualChunks: (id) => files.get(id),
    minifyInternalExports: false,
    hoistTransitiveImports: false,
  })
  await made.close()
  const chunks = output.flatMap((file) => (file.type === 'chunk' ? [file] : []))
  for (const { fileName, code, map } of chunks) writeFile(join(out, fileName), code, map)
  return {
    inputs: chunks.flatMap((chunk) => Object.keys(chunk.modules)),
    exported: new Map(chunks.map((chunk) => [`./dist/${chunk.fileName}`, chunk.exports])),
  }
}

/**
 * The part of a map that is needed for the file and the line in a stack trace: where each line begins. The whole map
 * is nearly thirty times as long, compressed.
 *
 * @param {Pick<import('rollup').ExistingDecodedSourceMap, 'mappings'> | null | undefined} map
 */
const firstOfLines = (map) => {
  const mappings = (map?.mappings ?? []).map((segments) =>
    segments
      .slice(0, 1)
      .flatMap(([, file, line, column]) =>
        file === undefined || line === undefined || column === undefined ? [] : [[0, file, line, column]],
      ),
  )
  // Rollup accepts segments as well as their text, but its types do not say so.
  return /** @type {import('rollup').SourceMapInput} */ (/** @type {unknown} */ ({ mappings }))
}

/**
 * Writes a file and, if it contains code of ours, its map.
 *
 * @param {string} path
 * @param {string} code
 * @param {import('rollup').SourceMap | null} map
 */
const writeFile = (path, code, map) => {
  mkdirSync(dirname(path), { recursive: true })
  const isMapped = map !== null && /[^;]/.test(map.mappings)
  writeFileSync(path, isMapped ? `${code}//# sourceMappingURL=${basename(path)}.map\n` : code)
  if (!isMapped) return
  const { version, sources, names, mappings } = map
  // A line without a source must say so, or it would count as part of the line before.
  const whole = mappings.replace(/(?<=^|;)(?=;|$)/g, 'A')
  writeFileSync(`${path}.map`, JSON.stringify({ version, sources, names, mappings: whole }))
}

/**
 * For functions that are named after the variable they are assigned to.
 *
 * @param {string} code
 */
const namesOfFunctions = (code) =>
  [...code.matchAll(/\b(?:const|let|var) (\w+) = (?:async )?(?:\w+ =>|\(|function\b|class\b)/g)].map(
    ([, name = '']) => name,
  )

const asRequired = /\w+\.createRequire\(import\.meta\.url\)\(["']tldts-icann["']\)/

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
 * Code that a process may never need, by the modules through which other modules reach it. It is in a separate file,
 * with everything that is reached only through these modules, and loaded at first use.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const whenNeeded = {
  zod: ['configuration/zod.js'],
  suppliers: ['connect-suppliers.js'],
  addresses: ['issuer/ip.js'],
  audit: ['audit/log.js'],
  authorization: ['endpoints/authorization.js'],
  chaining: ['chaining/chaining.js', 'chaining/own-agent.js', 'chaining/seal.js', 'chaining/tokens.js'],
  keys: ['own-keys/signing-keys.js', 'own-keys/made-key.js'],
  pages: ['interaction/endpoint.js', 'interaction/callback-endpoint.js'],
  pending: [
    'pending/execute.js',
    'pending/poll.js',
    'pending/poll-held.js',
    'pending/poll-chained.js',
    'pending/held-call.js',
    'pending/still-waiting.js',
    'pending/answers.js',
    'pending/ending.js',
    'pending/new-record.js',
  ],
}

/** Prefix of the names of such files while they are made, and of the variables for their exports. */
const later = /^later_/

/**
 * @param {import('rollup').PluginContext} context
 * @param {string} dist
 * @param {readonly string[]} input the entries
 * @returns {ReadonlyMap<string, string>} the file of each module, where it is not for rollup to say
 */
const placed = (context, dist, input) => {
  const roots = new Map(
    Object.entries(whenNeeded).flatMap(([file, paths]) =>
      paths.map((path) => [join(dist, path), `later_${file}`]),
    ),
  )
  /** @type {Map<string, string>} */
  const files = new Map()
  /**
   * @param {string} id
   * @param {string} file
   */
  const add = (id, file) => {
    if (files.has(id)) return
    files.set(id, file)
    for (const next of context.getModuleInfo(id)?.importedIds ?? []) if (!roots.has(next)) add(next, file)
  }
  const always = input.filter((path) => !seldom.has(path))
  const main = always.filter((path) => path !== 'signature/index.js')
  // The code of a program that only verifies signatures.
  if (main.length < always.length) add(join(dist, 'signature/index.js'), 'signature')
  if (always.length > 1) for (const path of main) add(join(dist, path), 'main')
  for (const [id, file] of roots) if (context.getModuleInfo(id) !== null) add(id, file)
  return files
}

/**
 * Loads the code of another file at first use instead of at the start.
 *
 * @param {string} code
 */
const whenUsed = (code) => {
  // With a member and not a call, so that `new later_x.Y()` stays one expression.
  const made = code
    .replace(/\b(later_[a-z]+)\./g, '$1.all.')
    .replace(
      /^(?:var|const) (later_[a-z]+) = (require\('[^']+'\));$/gm,
      'const $1 = { made: undefined, get all() { return this.made ??= $2; } };',
    )
  const rest = made.replace(/\bconst later_[a-z]+ = \{ made: undefined,|\blater_[a-z]+\.all\./g, '')
  if (rest.includes('later_')) throw new Error(`not loaded later: ${/.*later_.*/.exec(rest)?.[0]}`)
  return made
}

/**
 * An entry as an ES module: it re-exports the CommonJS entry name by name, because the names must be found without
 * running it; and its declarations. Every type exists once, as CommonJS, which an ES module may refer to as well.
 * With a copy for each, a program with both kinds of module would have two declarations of `req.aauth`, which
 * TypeScript refuses.
 *
 * @param {string} folder
 * @param {string} out
 * @param {Entry} entry
 * @param {readonly string[]} names
 */
const passOn = (folder, out, entry, names) => {
  const path = relative('dist', entry.default).replaceAll('\\', '/')
  const from = `'${path.replace(/[^/]+\//g, '../').replace(/[^/]+$/, '') || './'}cjs/${path}'`
  // The default export of a CommonJS module would be all of `module.exports`, and `*` does not include it.
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
 * Only the declarations that can be reached from an entry.
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
  // Bundled dependencies are not installed, so declarations must not import them.
  const foreign = output.flatMap((file) => (file.type === 'chunk' ? file.imports.filter(isCarried) : []))
  if (foreign.length > 0) throw new Error(`${folder}: declarations name ${foreign.join(', ')}`)
}

/**
 * Copies the licences of the bundled dependencies.
 *
 * @param {readonly string[]} inputs the bundled modules
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
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const name of readdirSync(join(root, 'packages'))) {
    const source = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    await bundleCode(
      source,
      join(folder, name),
      entriesOf(manifest),
      `${repository}/blob/v${manifest.version}/packages/${name}/`,
    )
  }
}

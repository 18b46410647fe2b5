// The CommonJS build of the packages, `dist/cjs`, for whoever cannot load an ES module: Jest with CommonJS above all.
// Node and bundlers take the ES modules, by import and by require (see scripts/pack.mjs), so that no process has both.
//
// It is made from the ES modules that are published (scripts/bundle.mjs), file by file: esbuild cannot share files between
// entries in CommonJS, and a bundle for each entry would hold the errors, and every other class that is asked for by
// `instanceof`, once an entry.
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Dependencies that are ES modules only, with their licences. Each is carried in the one file that imports it. */
const carried = new Map([['jose', 'LICENSE.md']])

const fileUrl = fileURLToPath(new URL('file-url.mjs', import.meta.url))

/**
 * @param {string} folder
 * @param {string} ending
 */
const files = (folder, ending) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending))

/**
 * @param {string} folder a package of the workspace, where what is carried is installed
 * @param {string} dist its ES modules
 */
export const buildCommonJs = async (folder, dist) => {
  const out = join(dist, 'cjs')
  rmSync(out, { recursive: true, force: true })

  /** @type {Map<string, string>} what is carried, and in which file */
  const carriers = new Map()
  const { warnings } = await build({
    absWorkingDir: dist,
    entryPoints: files(dist, '.js'),
    outdir: out,
    outbase: dist,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    nodePaths: [join(folder, 'node_modules')],
    legalComments: 'inline',
    logLevel: 'warning',
    define: { 'import.meta.url': 'fileUrl' },
    inject: [fileUrl],
    plugins: [
      {
        name: 'file by file',
        setup: (context) =>
          context.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
            // Only where it is asked for.
            if (path === fileUrl) return { path, sideEffects: false }
            if (kind === 'entry-point' || !importer.startsWith(dist)) return undefined
            if (!carried.has(path)) return { path, external: true }
            const other = carriers.get(path)
            if (other !== undefined && other !== importer) {
              throw new Error(`both ${other} and ${importer} import ${path}, which would then be there twice`)
            }
            carriers.set(path, importer)
            return undefined
          }),
      },
    ],
  })
  // What esbuild only warns of fails where it runs: what a module has and CommonJS has not is simply undefined there.
  if (warnings.length > 0) throw new Error(`${folder}: the CommonJS build has warnings, see above`)
  for (const name of files(dist, '.d.ts')) {
    mkdirSync(dirname(join(out, name)), { recursive: true })
    copyFileSync(join(dist, name), join(out, name))
  }
  // The nearest package.json decides what a `.js` is, for Node and for TypeScript.
  writeFileSync(join(out, 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n')
  for (const name of carriers.keys()) {
    copyFileSync(
      join(folder, 'node_modules', name, carried.get(name) ?? ''),
      join(out, `LICENSE.${name}.txt`),
    )
  }
}

// node scripts/run.mjs pack [--repository URL] [--out FOLDER] — the packages as they are published, one tarball each.
//
// A package.json in the workspace names each entry once, as the ES module that `tsc -b` makes. What is published says
// more, and says it here once for all of them: the CommonJS build, the entries in the words of older resolvers, and where
// the sources are. So publish these tarballs, and nothing else.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { root, run, runPnpm } from './bootstrap.mjs'
import { buildCommonJs } from './commonjs.mjs'

/** @typedef {{ readonly types: string, readonly default: string }} Entry */
/** @typedef {Record<string, unknown> & { name: string, exports: Record<string, Entry | string> }} Manifest */

/** @param {string} path */
const inCommonJs = (path) => path.replace('./dist/', './dist/cjs/')

/**
 * One entry, for everybody. Node takes `module-sync` for `import` and `require` alike, bundlers take `module` for both,
 * so neither ever loads the package twice. `require` is left for those who have only CommonJS.
 *
 * @param {Entry} entry
 */
const conditions = (entry) => ({
  'module-sync': entry.default,
  module: entry.default,
  import: entry,
  require: { types: inCommonJs(entry.types), default: inCommonJs(entry.default) },
})

/**
 * @param {Manifest} manifest of the workspace
 * @param {string} folder of the package, within the repository
 * @param {string} repository its address, without `.git`
 */
const published = ({ exports, devDependencies: _, scripts: __, ...rest }, folder, repository) => {
  /** @type {[string, Entry][]} */
  const entries = Object.entries(exports).flatMap(([name, entry]) =>
    typeof entry === 'string' ? [] : [[name, entry]],
  )
  const main = entries.find(([name]) => name === '.')?.[1]
  if (main === undefined) throw new Error(`${rest.name}: no entry "."`)
  const others = entries.filter(([name]) => name !== '.')
  return {
    ...rest,
    repository: { type: 'git', url: `git+${repository}.git`, directory: folder },
    homepage: `${repository}/tree/main/${folder}#readme`,
    bugs: { url: `${repository}/issues` },
    exports: {
      ...exports,
      ...Object.fromEntries(entries.map(([name, entry]) => [name, conditions(entry)])),
    },
    // For `moduleResolution: node10`, which does not know `exports`.
    main: inCommonJs(main.default),
    types: inCommonJs(main.types),
    ...(others.length > 0 && {
      typesVersions: {
        '*': Object.fromEntries(others.map(([name, { types }]) => [name.slice(2), [inCommonJs(types)]])),
      },
    }),
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
const must = async (command, ...args) => {
  const code = await run(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}`)
}

/** The address in the workspace's package.json, the one place that has it. */
const knownRepository = () => {
  /** @type {{ repository: string }} */
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return repository
}

/**
 * Packs every package. The workspace has to be built.
 *
 * @param {string} out the folder for the tarballs; emptied before
 * @param {string} [repository]
 * @returns {Promise<string[]>} the tarballs
 */
export const pack = async (out, repository = knownRepository()) => {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const stage = mkdtempSync(join(tmpdir(), 'countersign-pack-'))
  try {
    for (const name of readdirSync(join(root, 'packages'))) await buildCommonJs(join(root, 'packages', name))
    // By pnpm, which writes versions in place of `workspace:` and `catalog:`.
    const code = await runPnpm(['--filter', './packages/*', 'pack', '--pack-destination', stage])
    if (code !== 0) throw new Error('pnpm pack failed, see above')
    const tarballs = readdirSync(stage)
    for (const tarball of tarballs) {
      await must('tar', '-xzf', join(stage, tarball), '-C', stage)
      const folder = join(stage, 'package')
      /** @type {Manifest} */
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const within = `packages/${manifest.name.replace('@countersign/', '')}`
      const text = JSON.stringify(published(manifest, within, repository), undefined, 2)
      writeFileSync(join(folder, 'package.json'), `${text}\n`)
      await must('npm', 'pack', folder, '--silent', '--pack-destination', out)
      rmSync(folder, { recursive: true })
    }
    return readdirSync(out).map((name) => join(out, name))
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      repository: { type: 'string' },
      out: { type: 'string', default: join(root, '.reports', 'packed') },
    },
  })
  for (const tarball of await pack(resolve(values.out), values.repository)) console.log(tarball)
}

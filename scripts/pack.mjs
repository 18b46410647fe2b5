// node scripts/run.mjs pack [--repository URL] [--out FOLDER] — the packages as they are published, one tarball each.
//
// A package.json in the workspace names each entry once, as the ES module that `tsc -b` makes. A published one has
// more, which is added here for all of them: what is CommonJS, the entries in the form that older resolvers need, and
// the address of the sources, for the links of a README. So publish only these tarballs. Until then, the lines
// printed at the end install them in any project.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { root, run, runPnpm } from './bootstrap.mjs'
import { bundle, entriesOf, withoutCarried } from './bundle.mjs'
import { installLines } from './install-lines.mjs'
import { absoluteLinks } from './links.mjs'

/** @typedef {import('./bundle.mjs').Entry} Entry */
/**
 * @typedef {Record<string, unknown> & {
 *   name: string,
 *   version: string,
 *   exports: Record<string, Entry | string>,
 *   dependencies?: Record<string, string>,
 *   peerDependencies?: Record<string, string>,
 *   peerDependenciesMeta?: Record<string, { optional?: boolean }>,
 * }} Manifest
 */

/** @param {string} path */
const inCommonJs = (path) => path.replace('./dist/', './dist/cjs/')

/**
 * One entry, for all: what is imported is what is required (scripts/bundle.mjs), so that nobody loads the package
 * twice.
 *
 * @param {Entry} entry
 */
const conditions = (entry) => ({
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

/** The address in the workspace's package.json, the only place that has it. */
const knownRepository = () => {
  /** @type {{ repository: string }} */
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return repository
}

/**
 * @param {string} out
 * @param {Manifest} manifest
 * @returns {import('./install-lines.mjs').Packed}
 */
const packed = (
  out,
  { name, version, dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} },
) => ({
  // The name that npm gives it.
  tarball: join(out, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`),
  name,
  dependencies: Object.keys(dependencies),
  peers: Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true),
})

/**
 * Packs every package. The workspace must be built.
 *
 * @param {string} out the folder for the tarballs, absolute; emptied before
 * @param {string} [repository]
 */
export const pack = async (out, repository = knownRepository()) => {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const stage = mkdtempSync(join(tmpdir(), 'countersign-pack-'))
  try {
    // With pnpm, which replaces `workspace:` and `catalog:` by versions.
    const code = await runPnpm(['--silent', '--filter', './packages/*', 'pack', '--pack-destination', stage])
    if (code !== 0) throw new Error('pnpm pack failed, see above')
    const folders = []
    const result = []
    for (const tarball of readdirSync(stage)) {
      const unpacked = join(stage, tarball.replace(/\.tgz$/, ''))
      mkdirSync(unpacked)
      await must('tar', '-xzf', join(stage, tarball), '-C', unpacked)
      const folder = join(unpacked, 'package')
      /** @type {Manifest} */
      const manifest = withoutCarried(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
      const within = `packages/${manifest.name.replace('@countersign/', '')}`
      const source = join(root, within)
      // Maps name the sources of this version, by its tag.
      const sources = `${repository}/blob/v${manifest.version}/${within}/`
      await bundle(source, join(folder, 'dist'), entriesOf(manifest), sources)
      const text = JSON.stringify(published(manifest, within, repository), undefined, 2)
      writeFileSync(join(folder, 'package.json'), `${text}\n`)
      const readme = join(folder, 'README.md')
      const base = `${repository}/blob/main/${within}/`
      writeFileSync(readme, absoluteLinks(readFileSync(readme, 'utf8'), base))
      folders.push(folder)
      result.push(packed(out, manifest))
    }
    await must('npm', 'pack', ...folders, '--silent', '--pack-destination', out)
    return result
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
  const all = await pack(resolve(values.out), values.repository)
  for (const { tarball } of all) console.log(tarball)
  console.log('\nThe packages are on no registry yet. In a project of yours, these lines install them:')
  for (const { title, command } of installLines(all)) console.log(`\n# ${title}\n${command}`)
}

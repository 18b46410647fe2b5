import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = join(root, 'test', 'consumers')

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/**
 * A folder outside the workspace as npm would have made it: the packed packages, what they say they depend on, and what
 * their users have beside them. Nothing is fetched; all of it was installed with the workspace.
 *
 * @param tarballs the folder they are in
 */
export function createStage(tarballs: string): { readonly folder: string; close(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-consumers-'))
  const modules = join(folder, 'node_modules')
  for (const tarball of readdirSync(tarballs)) {
    const unpacked = join(folder, 'package')
    execFileSync('tar', ['-xzf', join(tarballs, tarball), '-C', folder])
    const { name, dependencies = {} } = JSON.parse(
      readFileSync(join(unpacked, 'package.json'), 'utf8'),
    ) as Manifest
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    renameSync(unpacked, join(modules, name))
    const installed = join(root, 'packages', name.replace('@countersign/', ''), 'node_modules')
    for (const dependency of Object.keys(dependencies)) {
      if (!dependency.startsWith('@countersign/'))
        link(join(installed, dependency), join(modules, dependency))
    }
  }
  const own = join(here, 'node_modules')
  for (const name of readdirSync(own).filter((entry) => !entry.startsWith('.'))) {
    const names = name.startsWith('@') ? readdirSync(join(own, name)).map((part) => join(name, part)) : [name]
    for (const each of names) link(join(own, each), join(modules, each))
  }
  cpSync(join(here, 'projects'), folder, { recursive: true })
  return { folder, close: () => rmSync(folder, { recursive: true, force: true }) }
}

function link(to: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) symlinkSync(to, path, 'junction')
}

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A test that ran and whose title names at least one id. */
export interface TestRecord {
  readonly title: string
  readonly passed: boolean
}

/** What became of one test file. */
export interface FileRecord {
  /** From the root of the workspace. */
  readonly file: string
  /** Whether every test of the file ran; a filter by name leaves some out. */
  readonly whole: boolean
  readonly tests: readonly TestRecord[]
}

/** The root of the workspace, from the sources and from `dist` alike. */
export const root: string = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(folder: string): string {
  return existsSync(join(folder, 'pnpm-workspace.yaml')) ? folder : findRoot(dirname(folder))
}

/** The variable that names another folder for the records of a run. */
export const folderVariable = 'CONFORMANCE_RECORDS'

const folder = (): string => process.env[folderVariable] ?? join(root, '.reports', 'conformance')

/** Forgets the run before. */
export function clearRecords(): void {
  rmSync(folder(), { recursive: true, force: true })
}

/** Keeps what became of a file; a file run again replaces its record. */
export function writeRecord(file: string, record: Omit<FileRecord, 'file'>): void {
  const name = relative(root, file).replaceAll('\\', '/')
  mkdirSync(folder(), { recursive: true })
  const key = createHash('sha256').update(name).digest('hex').slice(0, 16)
  writeFileSync(join(folder(), `${key}.json`), JSON.stringify({ file: name, ...record }))
}

/** The records of the run. */
export function readRecords(): readonly FileRecord[] {
  if (!existsSync(folder())) return []
  return readdirSync(folder()).map(
    (name): FileRecord => JSON.parse(readFileSync(join(folder(), name), 'utf8')),
  )
}

/** Every test file of the workspace, except the one that judges the others. */
export function testFiles(): readonly string[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`)
  return [...packages, 'test']
    .filter((path) => existsSync(join(root, path)))
    .flatMap((path) =>
      readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
        .map((file) => `${path}/${file.replaceAll('\\', '/')}`)
        .filter((file) => file.endsWith('.test.ts') && !/(?:^|\/)(?:node_modules|dist)\//.test(file)),
    )
    .filter((file) => file !== 'test/conformance/coverage.test.ts')
}

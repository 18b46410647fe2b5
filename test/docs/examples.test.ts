import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const workspace = join(root, 'test')
const compiler = join(
  dirname(createRequire(join(root, 'package.json')).resolve('typescript/package.json')),
  'bin/tsc',
)

const markdown = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(folder, entry.name))
const folders = ['.', 'docs', ...readdirSync(join(root, 'packages')).map((name) => join('packages', name))]
const documents = folders.flatMap((folder) => {
  try {
    return markdown(folder)
  } catch {
    return []
  }
})

/** Every fenced block marked `ts`, with where it begins. */
function examples(document: string): { line: number; code: string }[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] as string,
  }))
}

describe('documentation', () => {
  it('compiles every example as a user would write it', () => {
    const folder = join(workspace, 'dist', 'docs-examples')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const files = documents.flatMap((document) =>
      examples(document).map(({ line, code }) => {
        const file = join(folder, `${document.replaceAll(/[^A-Za-z0-9]/g, '-')}-line-${line}.ts`)
        writeFileSync(file, `${code}export {}\n`)
        return file
      }),
    )
    expect(files.length).toBeGreaterThan(0)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023'],
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    expect(compile(folder)).toBe('')
  }, 60_000)

  it.each(documents)('%s links to files that exist', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] as string)
    const missing = targets.filter((target) => !exists(join(root, dirname(document), target)))
    expect(missing).toEqual([])
  })
})

function compile(folder: string): string {
  try {
    execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8', stdio: 'pipe' })
    return ''
  } catch (failure) {
    return String((failure as { stdout: string }).stdout).replaceAll(relative(process.cwd(), folder), '')
  }
}

function exists(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch (failure) {
    return (failure as NodeJS.ErrnoException).code === 'EISDIR'
  }
}

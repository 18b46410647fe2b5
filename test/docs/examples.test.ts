import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { examplesOf, publicNames } from '../surface/surface.js'

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
const below = (folder: string): string[] => readdirSync(join(root, folder)).map((name) => join(folder, name))
const folders = ['.', 'docs', ...below('packages'), ...below('examples')]
const documents = folders.flatMap((folder) => {
  try {
    return markdown(folder)
  } catch {
    return []
  }
})

/** Every fenced block marked `ts`, with where it begins. */
function examples(text: string): { line: number; code: string }[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] as string,
  }))
}

// Where several entries export the same function, it is described for the first of them.
const functions = publicNames.filter(
  ({ kind, symbol }, place) =>
    kind === 'function' && place === publicNames.findIndex((other) => other.symbol === symbol),
)

describe('documentation', () => {
  it.each([
    ['as a user would write it', {}],
    ['with exactOptionalPropertyTypes', { exactOptionalPropertyTypes: true }],
  ])(
    'compiles every example %s',
    (_, more) => {
      const folder = join(workspace, 'dist', 'docs-examples')
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      const texts: readonly (readonly [name: string, text: string])[] = [
        ...documents.map((document) => [document, readFileSync(join(root, document), 'utf8')] as const),
        ...functions.map(
          (each) => [`${each.entry}/${each.name}`, `${examplesOf(each).join('\n')}\n`] as const,
        ),
      ]
      for (const [name, text] of texts)
        for (const { line, code } of examples(text)) {
          const file = join(folder, `${name.replaceAll(/[^A-Za-z0-9]/g, '-')}-line-${line}.ts`)
          writeFileSync(file, `${code}export {}\n`)
        }
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2023',
        lib: ['es2023'],
        types: ['node'],
        strict: true,
        // For NestJS.
        experimentalDecorators: true,
        noEmit: true,
        skipLibCheck: true,
        ...more,
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
      expect(compile(folder)).toBe('')
    },
    120_000,
  )

  it('has one example of each public function, which says where the function is imported from', () => {
    expect(functions.length).toBeGreaterThan(40)
    const without = functions.filter((each) => {
      const found = examplesOf(each).flatMap((text) => examples(`${text}\n`))
      return found.length !== 1 || !found[0]?.code.includes(`from '${each.entry}'`)
    })
    expect(without.map(({ entry, name }) => `${entry} ${name}`)).toEqual([])
  })

  it.each(documents)('%s links to files that exist', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] as string)
    const missing = targets.filter((target) => !exists(join(root, dirname(document), target)))
    expect(missing).toEqual([])
  })

  it.each(documents)('%s links to headings that exist', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const targets = [...text.matchAll(/\]\(((?!https?:)[^)#]*)#([^)]+)\)/g)]
    const missing = targets.filter(([, file, anchor]) => {
      const target = file ? join(root, dirname(document), file) : join(root, document)
      return (
        target.endsWith('.md') && exists(target) && !anchorsOf(readFileSync(target, 'utf8')).has(`${anchor}`)
      )
    })
    expect(missing.map(([link]) => link)).toEqual([])
  })
})

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(text: string): ReadonlySet<string> {
  const found = new Map<string, number>()
  const prose = text.replaceAll(/^(```+).*?^\1$/gms, '')
  return new Set(
    [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
      const words = heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .trim()
        .toLowerCase()
      const anchor = words.replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '').replaceAll(' ', '-')
      const before = found.get(anchor) ?? 0
      found.set(anchor, before + 1)
      return before === 0 ? anchor : `${anchor}-${before}`
    }),
  )
}

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

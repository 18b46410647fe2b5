import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

// Programs as users write them, and what the compiler says of them. Each takes seconds, so that outside CI there is one.
const everything = process.env['COUNTERSIGN_TESTS'] === 'all'

const test = fileURLToPath(new URL('..', import.meta.url))
const programs = join(test, 'types/programs')
const right = ['express-right.ts', 'fastify-right.ts']
const wrong = ['express-wrong.ts', 'fastify-wrong.ts']

const settings = [
  { name: 'strict', options: { strict: true }, files: [...right, ...wrong], compilers: ['typescript'] },
  ...(everything
    ? [
        {
          name: 'strict',
          options: { strict: true },
          files: [...right, ...wrong],
          compilers: ['typescript59'],
        },
        {
          name: 'strict and exact',
          options: { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
          files: right,
          compilers: ['typescript', 'typescript59'],
        },
        {
          name: 'loose',
          options: { strict: false },
          files: right,
          compilers: ['typescript', 'typescript59'],
        },
      ]
    : []),
].flatMap(({ compilers, ...setting }) => compilers.map((compiler) => ({ ...setting, compiler })))

/** An error: where it is, and the first line of what the compiler says. */
interface Said {
  readonly file: string
  readonly line: number
  readonly text: string
}

async function compile(
  compiler: string,
  options: object,
  files: readonly string[],
): Promise<readonly Said[]> {
  const folder = join(test, 'dist', 'types', compiler)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const project = join(folder, 'tsconfig.json')
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023'],
    types: ['node'],
    typeRoots: [join(test, '../node_modules/@types')],
    noEmit: true,
    skipLibCheck: true,
    ...options,
  }
  writeFileSync(
    project,
    JSON.stringify({ compilerOptions, files: files.map((file) => join(programs, file)) }),
  )
  const manifest = createRequire(join(test, 'package.json')).resolve(`${compiler}/package.json`)
  const tsc = join(dirname(manifest), 'bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', project, '--pretty', 'false'], {
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout }) => stdout,
    (failure: { readonly stdout: string }) => failure.stdout,
  )
  const lines = [...output.matchAll(/^(\S+?)\((\d+),\d+\): error (TS\d+: .*)$/gm)]
  // What is said of no file is an error of the test itself.
  if (/^error /m.test(output)) throw new Error(output)
  return lines.map(([, path = '', line, text = '']) => ({ file: basename(path), line: Number(line), text }))
}

/** What a program expects of the statement below a line: words that its one error has. */
interface Expected {
  readonly place: string
  readonly words: readonly string[]
  /** The lines of the statement. */
  readonly from: number
  readonly to: number
}

function expectedOf(file: string): readonly Expected[] {
  const lines = readFileSync(join(programs, file), 'utf8').split('\n')
  const places = lines.flatMap((line, index) => (line.startsWith(mark) ? [index] : []))
  return places.map((index, nth) => ({
    place: `${file}:${index + 2}`,
    words: (lines[index] as string).slice(mark.length).split(' | '),
    from: index + 2,
    to: places[nth + 1] ?? lines.length,
  }))
}

const mark = '// says: '

describe('types', () => {
  it.each(settings)(
    'hold, and errors name what is wrong in their first line ($compiler, $name)',
    async ({ compiler, options, files }) => {
      const said = await compile(compiler, options, files)
      const told = new Set<Said>()
      for (const file of files)
        for (const { place, words, from, to } of expectedOf(file)) {
          const here = said.filter((each) => each.file === file && each.line >= from && each.line <= to)
          const texts = here.map(({ text }) => text)
          expect([place, texts.length, texts]).toEqual([place, 1, texts])
          for (const word of words) expect(`${place} ${texts[0]}`).toContain(word)
          for (const each of here) told.add(each)
        }
      expect(said.filter((each) => !told.has(each))).toEqual([])
    },
    120_000,
  )
})

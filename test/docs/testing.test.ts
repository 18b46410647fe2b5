import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript59'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'test', 'dist', 'docs-testing')
const page = readFileSync(join(root, 'docs/testing.md'), 'utf8')
const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  })
  return { code: outputText, tests: code.match(/^test\(/gm)?.length ?? 0 }
})
const firstLine = "import test from 'node:test';"

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const files = examples.map(({ code }, place) => {
  const file = join(folder, `example-${place}.mjs`)
  writeFileSync(file, code)
  const inVitest = join(folder, `example-${place}-vitest.mjs`)
  writeFileSync(inVitest, code.replace(firstLine, "import { test } from 'vitest';"))
  return { file, inVitest }
})

describe('the page about testing', () => {
  it('has tests that pass when they are run as they stand', () => {
    expect(examples.map(({ tests }) => tests)).toEqual([6, 2, 2, 3])
    const env = { ...process.env, NODE_V8_COVERAGE: '', NODE_TEST_CONTEXT: undefined }
    const said = execFileSync(
      process.execPath,
      ['--test', '--test-reporter=tap', ...files.map(({ file }) => file)],
      { encoding: 'utf8', env, timeout: 120_000 },
    )
    expect(said).toMatch(/^# pass 13$/m)
    expect(said).toMatch(/^# fail 0$/m)
  }, 120_000)

  describe('with the first line that it names for Vitest', async () => {
    for (const { inVitest } of files) {
      expect(readFileSync(inVitest, 'utf8')).toContain("from 'vitest'")
      await import(inVitest)
    }
  })
})

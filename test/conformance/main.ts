// npm run [--silent] conformance [-- --json | --write]
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapters } from '../target/start.js'
import { type Coverage, measure, type Totals } from './coverage.js'
import { conformancePage, pagePath } from './page.js'
import { folderVariable, readRecords, root } from './records.js'
import { parts } from './requirements.js'

if (process.argv.includes('--write')) {
  writeFileSync(join(root, pagePath), conformancePage())
} else {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  process.env[folderVariable] = folder
  const failed = (await runSuites()) !== 0
  const coverage = measure(readRecords(), adapters)
  rmSync(folder, { recursive: true, force: true })
  if (process.argv.includes('--json')) printJson(coverage)
  else printTable(coverage)
  for (const problem of [...coverage.problems, ...coverage.unproved]) console.error(problem)
  if (failed) console.error('the suites did not pass')
  process.exitCode = failed || coverage.problems.length > 0 || coverage.unproved.length > 0 ? 1 : 0
}

/** The whole suite; what it says goes to stderr, since stdout belongs to the table. */
function runSuites(): Promise<number> {
  return new Promise((resolve, reject) => {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const child = spawn(process.execPath, [vitest, 'run', '--reporter=dot'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.pipe(process.stderr)
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

function printJson({ rows, totals, adapters }: Coverage): void {
  console.log(JSON.stringify({ rows, totals, adapters }))
}

function printTable({ totals, adapters }: Coverage): void {
  const line = (name: string, about: string, { rows, proved, notOurs, pending, tests }: Totals): string =>
    `${name.padEnd(17)}${about.padEnd(52)}${[rows, proved, notOurs, pending, tests]
      .map((count) => String(count).padStart(10))
      .join('')}`
  const head = ['rows', 'proved', 'not ours', 'pending', 'tests'].map((name) => name.padStart(10)).join('')
  console.log(`${'part'.padEnd(69)}${head}`)
  for (const { letter, title } of parts) {
    console.log(line(letter, title.slice(0, 50), totals.parts[letter] as Totals))
  }
  console.log(line('total', `adapters: ${adapters.join(', ')}`, totals))
}

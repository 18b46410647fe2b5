import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000 })

// As built, so that it runs as a process of its own.
const script = fileURLToPath(new URL('../dist/security/heavy.js', import.meta.url))

/** What is said by a process that has 64 MB for everything. */
function run(scenario: string): { served: number; heap: number } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=64', script, scenario],
    { encoding: 'utf8' },
  )
  expect(status, stderr.slice(0, 2000)).toBe(0)
  return JSON.parse(stdout)
}

it('refuses grants of thousands of small claims, and has its memory to itself', () => {
  const { served, heap } = run('grants')
  expect(served).toBe(0)
  expect(heap).toBeLessThan(40e6)
})

it('serves such grants where the operator allows them, and remembers none', () => {
  const { served, heap } = run('grants-allowed')
  expect(served).toBe(1000)
  expect(heap).toBeLessThan(40e6)
})

it('knows issuers whose documents are full of small members, and keeps none of those', () => {
  const { served, heap } = run('issuers')
  expect(served).toBe(600)
  expect(heap).toBeLessThan(60e6)
})

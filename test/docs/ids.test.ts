import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { cases } from '../conformance/cases.js'
import { parts } from '../conformance/requirements.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const passedOver: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git', '.reports'])
const read = /\.(?:ts|cts|mts|mjs|md|json|jsonc|ya?ml)$/
const cited = /\b(?:R|K|H|N|KN|HC|G)-[0-9]{2,3}[a-f]?\b/g

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (passedOver.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (read.test(entry.name) && entry.name !== 'pnpm-lock.yaml') yield path
  }
}

const requirements = parts.flatMap((part) => part.rows)
const rulings = readFileSync(join(root, 'docs/rulings.md'), 'utf8').match(/^\*\*G-[0-9]{2}\*\*/gm) ?? []
const known: ReadonlySet<string> = new Set([
  ...requirements.map(({ id }) => id),
  ...cases.map(({ id }) => id),
  ...rulings.map((ruling) => ruling.slice(2, -2)),
])

it('resolves every id that is cited anywhere, and defines none twice', () => {
  const unresolved = [...files(root)].flatMap((path) =>
    [...new Set(readFileSync(path, 'utf8').match(cited))]
      .filter((id) => !known.has(id))
      .map((id) => `${id} in ${relative(root, path)}`),
  )
  expect(unresolved).toEqual([])
  expect(known.size).toBe(requirements.length + cases.length + rulings.length)
  expect(rulings.length).toBeGreaterThan(60)
})

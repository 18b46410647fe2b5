import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const markdown = (folder: string): string[] => {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(folder, entry.name))
}
const below = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
const documents = ['.', 'docs', 'test/conformance', ...below('packages'), ...below('examples')].flatMap(
  markdown,
)

/** How many cells a row has; a pipe within code, or behind a backslash, separates none. */
const cells = (row: string): number =>
  row
    .replaceAll(/`[^`]*`/g, '')
    .replaceAll('\\|', '')
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split('|').length

/** What is wrong with the tables of a text, by line. */
function faults(text: string): readonly string[] {
  const lines = text.replaceAll(/^(```+).*?^\1$/gms, (block) => block.replaceAll(/[^\n]/g, '')).split('\n')
  return lines.flatMap((line, at) => {
    if (!line.startsWith('|')) return []
    const isFirst = at === 0 || !lines[at - 1]?.startsWith('|')
    if (!isFirst) return []
    const delimiter = lines[at + 1] ?? ''
    if (!/^\|(?:\s*:?-+:?\s*\|)+$/.test(delimiter)) return [`line ${at + 1}: no row of dashes follows`]
    return cells(line) === cells(delimiter)
      ? []
      : [`line ${at + 1}: ${cells(line)} headings over ${cells(delimiter)} columns`]
  })
}

describe('environment variables', () => {
  it.each(documents)('%s reads none of ours that there is not', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const read = [...text.matchAll(/\benv(?:\.|\[')(AAUTH_\w+)/g)].map(([, name = '']) => name)
    const known = ['AAUTH_RESOURCE', 'AAUTH_SIGNING_KEYS', 'AAUTH_REDIS_URL']
    expect(read.filter((name) => !known.includes(name))).toEqual([])
  })
})

describe('tables', () => {
  it.each(documents)('%s has none that is shown as text', (document) => {
    expect(faults(readFileSync(join(root, document), 'utf8'))).toEqual([])
  })

  it.each([
    '| verdict | answer ||---|---|\n| `allow()` | on |',
    '| one | two |\n|---|\n| 1 | 2 |',
    '| one | two |',
    'text\n| one |\ntext',
  ])('%j is one that is', (text) => {
    expect(faults(text)).toHaveLength(1)
  })
})

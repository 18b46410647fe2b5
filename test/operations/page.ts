import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The text of a page of the documentation. */
export function pageOf(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)), 'utf8')
}

/** The text below a heading of a page, up to the next heading of the same level or a higher one. */
export function sectionOf(page: string, heading: string): string {
  const start = page.indexOf(`\n${heading}\n`)
  if (start === -1) throw new Error(`the page has no heading ${heading}`)
  const rest = page.slice(start + heading.length + 2)
  const level = heading.indexOf(' ')
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'))
  return end === -1 ? rest : rest.slice(0, end)
}

/** The blocks of a language in a text, in order. */
export function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] as string,
  )
}

/** The only block of a language in a text. */
export function blockOf(text: string, language: string): string {
  const blocks = blocksOf(text, language)
  if (blocks.length !== 1) throw new Error(`${blocks.length} blocks of ${language}, not one`)
  return blocks[0] as string
}

/** The rows of the first table in a text, below its head, cell by cell. */
export function rowsOf(text: string): string[][] {
  const lines = text.slice(text.indexOf('\n|')).split('\n').slice(1)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(2, end === -1 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

/** What stands between backticks, wherever it is in a text. */
export function codesOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
}

/** Replaces texts that have to be there, each once. */
export function replaced(
  text: string,
  replacements: readonly (readonly [old: string, by: string])[],
): string {
  let result = text
  for (const [old, by] of replacements) {
    const pieces = result.split(old)
    if (pieces.length !== 2)
      throw new Error(`${JSON.stringify(old)} is there ${pieces.length - 1} times, not once`)
    result = pieces.join(by)
  }
  return result
}

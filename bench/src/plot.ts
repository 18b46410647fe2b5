import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fairness } from './fairness.js'
import type { Results } from './results.js'

// `plot.js <results.json> <folder>`: the plots of docs/performance.md, from the output of `npm run --silent bench --
// --json`; or that of docs/issuers.md, from the file FAIRNESS_JSON of `npm run bench -- --only issuers`.

const [file, folder] = process.argv.slice(2) as [string, string]
const read = JSON.parse(readFileSync(file, 'utf8')) as Results | readonly Fairness[]
const isFairness = (value: typeof read): value is readonly Fairness[] => Array.isArray(value)

interface Bar {
  readonly name: string
  readonly value: number
}

const width = 720
const left = 170
const rowHeight = 26

/** Bars from left to right; the longest fills the width. */
function chart(title: string, unit: string, bars: readonly Bar[], digits: number): string {
  const most = Math.max(...bars.map(({ value }) => value))
  const rows = bars.map(({ name, value }, i) => {
    const y = 44 + i * rowHeight
    const length = Math.max(1, (value / most) * (width - left - 90))
    const own = name.startsWith('ours') || name.startsWith('warm')
    return [
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${name}</text>`,
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="18" fill="${own ? '#2b6cb0' : '#a0aec0'}"/>`,
      `<text x="${(left + length + 6).toFixed(1)}" y="${y + 13}">${value.toFixed(digits)}</text>`,
    ].join('')
  })
  const height = 56 + bars.length * rowHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="22" font-size="15" font-weight="bold">${title}</text>`,
    `<text x="${width - 8}" y="22" text-anchor="end" fill="#4a5568">${unit}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n')
}

const entries = (values: Readonly<Record<string, number>>, names: readonly string[]): Bar[] =>
  names.flatMap((name) => (values[name] === undefined ? [] : [{ name, value: values[name] }]))
const write = (name: string, svg: string): void => writeFileSync(join(folder, `${name}.svg`), svg)

mkdirSync(folder, { recursive: true })
if (isFairness(read)) {
  const bars = read.map(({ name, first }) => ({ name, value: 100 * first }))
  write(
    'issuers',
    chart('First requests of honest issuers that were served', '%, by who else is there', bars, 1),
  )
} else plotResults(read)

function plotResults(results: Results): void {
  write(
    'requests',
    chart(
      'One request over one verification',
      'x floor, less is better',
      entries(results.ratios, ['warm', 'warm_es256', 'warm_sodium', 'cold', 'stack']),
      2,
    ),
  )
  write(
    'refusals',
    chart(
      'One refusal over one verification',
      'x floor, less is better',
      entries(results.ratios, [
        'unsigned',
        'malformed',
        'stale',
        'oversized',
        'forged_again',
        'unknown_kid',
        'unknown_issuer',
        'stolen',
        'forged',
      ]),
      3,
    ),
  )
  for (const [framework, rates] of Object.entries(results.http ?? {})) {
    const bars = Object.entries(rates).map(([name, value]) => ({ name, value }))
    write(framework, chart(`${framework}, requests a second`, 'more is better', bars, 0))
  }
}

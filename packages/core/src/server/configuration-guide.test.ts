import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { optionNames } from './options.js'

const guide = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8')

/** The names in the first column of a section's table. */
function rowsOf(heading: string): readonly string[] {
  const section = guide.split(`\n${heading}\n`)[1]?.split(/^##/m)[0] ?? ''
  return [...section.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  )
}

describe('the guide to configuration', () => {
  it('has every option', () => {
    expect([...rowsOf('## All options')].sort()).toEqual([...optionNames()].sort())
  })

  it.each(['interaction', 'sessions', 'pending'])('has every member of %s', (name) => {
    expect(optionNames(name).length).toBeGreaterThan(3)
    expect(rowsOf(`### \`${name}\``)).toEqual(optionNames(name))
  })
})

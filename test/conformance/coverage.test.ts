import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adapters } from '../target/start.js'
import { measure } from './coverage.js'
import { conformancePage, pagePath } from './page.js'
import { readRecords, root, testFiles } from './records.js'
import { parts } from './requirements.js'

const records = readRecords()
const { problems, unproved, rows } = measure(records, adapters)
const ran = new Set(records.filter((record) => record.whole).map((record) => record.file))
/** A run with a filter says nothing of what it left out. */
const wholeRun = testFiles().every((file) => ran.has(file))

describe('conformance of this run', () => {
  it('names no unknown id and contradicts no row of the manifest', () => {
    expect(problems.filter((problem) => wholeRun || !problem.includes('not shown through'))).toEqual([])
  })

  it('proves every row that is not marked otherwise', () => {
    expect(wholeRun ? unproved : []).toEqual([])
  })
})

describe('the manifest', () => {
  it('has every id once', () => {
    const ids = rows.map((row) => row.id)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })

  it('marks rows as pending only for parts that exist', () => {
    const letters = new Set(parts.map((part) => part.letter))
    const strange = parts
      .flatMap((part) => part.rows)
      .filter(({ pending }) => pending !== undefined && !letters.has(pending))
    expect(strange).toEqual([])
  })

  it('is what docs/conformance.md shows', () => {
    expect(readFileSync(join(root, pagePath), 'utf8')).toBe(conformancePage())
  })
})

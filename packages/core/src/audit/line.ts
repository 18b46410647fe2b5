import { hash, randomFillSync } from 'node:crypto'

// A line of a log is `{"r":…}` or `{"r":…,"p":…}`. The chain goes over the texts of `r` alone, and each `r` names the hash of
// its `p`: so what concerns a person can be taken out of a line, and the chain holds.

/** SHA-256 in base64url. */
export const sha256 = (text: string | Uint8Array): string => hash('sha256', text, 'base64url')

/** The parts of a line as they are written. */
export interface LineParts {
  /** The JSON of the record. */
  readonly record: string
  /** The JSON of what may be erased; absent where nobody signed. */
  readonly evidence: string | undefined
  /** Where the evidence begins in the line, in characters. */
  readonly at: number
}

const before = '{"r":'
const between = ',"p":'

/** A line without its end. */
export function writeLine(record: string, evidence: string | undefined): string {
  return evidence === undefined ? `${before}${record}}` : `${before}${record}${between}${evidence}}`
}

/** The parts of a line; `undefined` where it is none. No member of a record is called `p`. */
export function splitLine(line: string): LineParts | undefined {
  if (!line.startsWith(`${before}{`) || !line.endsWith('}')) return undefined
  const end = line.indexOf(between)
  return end === -1
    ? { record: line.slice(before.length, -1), evidence: undefined, at: line.length }
    : {
        record: line.slice(before.length, end),
        evidence: line.slice(end + between.length, -1),
        at: end + between.length,
      }
}

/** What stands in place of evidence that was erased: as long as it was, so that nothing else in the file moves. */
export const blank = (length: number): string => 'null'.padEnd(length, ' ')

/** Whether the evidence of a line has been erased. */
export const isBlank = (evidence: string): boolean => /^null *$/.test(evidence)

const pool = Buffer.alloc(4096)
let used = pool.length

/** 96 random bits: without them, who has the hash of what was erased could try what it may have been. */
export function salt(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 16
  return pool.toString('base64url', used - 16, used - 4)
}

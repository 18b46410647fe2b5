import { hash, randomFillSync } from 'node:crypto'

// A line of a log is `{"r":…}` or `{"r":…,"p":…}`. The chain covers only the texts of `r`, and each `r` holds the
// hash of its `p`. So everything about a person can be removed from a line, and the chain still verifies.

/** SHA-256 in base64url. */
export const sha256 = (text: string | Uint8Array): string => hash('sha256', text, 'base64url')

/** The parts of a line as they are written. */
export interface LineParts {
  /** The JSON of the record. */
  readonly record: string
  /** The JSON that may be erased; absent for unsigned requests. */
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

/** The parts of a line; `undefined` if it is malformed. No member of a record is named `p`. */
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

/** Replaces erased evidence by text of the same length, so that nothing else in the file moves. */
export const blank = (length: number): string => 'null'.padEnd(length, ' ')

/** Whether the evidence of a line has been erased. */
export const isBlank = (evidence: string): boolean => /^null *$/.test(evidence)

const pool = Buffer.alloc(4096)
let used = pool.length

/** 96 random bits. Without them, somebody with the hash of erased evidence could guess the evidence. */
export function salt(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 16
  return pool.toString('base64url', used - 16, used - 4)
}

/** The words of BCP 14; `DEF` is behaviour a text states as fact, `PROC` a step of a numbered procedure, `NOTE` advice. */
export type Level =
  | 'MUST'
  | 'MUST NOT'
  | 'SHOULD'
  | 'SHOULD NOT'
  | 'MAY'
  | 'MAY/MUST'
  | 'SHOULD/MAY'
  | 'DEF'
  | 'PROC'
  | 'NOTE'

/** Why a row has no test: it binds somebody else or a permission is not used, or another part of the work brings it. */
export interface Without {
  /** The reason, for readers. */
  readonly notOurs?: string
  /** The letter of the part that brings the tests. */
  readonly pending?: string
}

/** One requirement. Without `notOurs` or `pending` it claims that a passing test names its id. */
export interface Requirement extends Without {
  readonly id: string
  /** Section of its draft. */
  readonly section: string
  readonly level: Level
  /** What it asks, in our words. */
  readonly text: string
}

/** The requirements about one subject. */
export interface Part {
  /** A letter for AAuth; for the other two texts their short name and a chapter of ours. */
  readonly letter: string
  readonly title: string
  readonly rows: readonly Requirement[]
}

/** A row, short enough for a table. */
export const row = (
  id: string,
  section: string,
  level: Level,
  text: string,
  without: Without = {},
): Requirement => ({ id, section, level, text, ...without })

/** The row does not bind this library, for this reason. */
export const notOurs = (reason: string): Without => ({ notOurs: reason })

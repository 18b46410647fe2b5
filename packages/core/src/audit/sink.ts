/** Where an audit log is written. Its methods are called one at a time. */
export interface AuditSink {
  /**
   * Appends whole lines in UTF-8, each with its line break, and resolves once they are stored. The bytes may be
   * reused after that. After a failure the same object is passed again; it must not be stored twice.
   */
  append(lines: Uint8Array): Promise<void>
  /** Stores a signed statement: a head of the chain, or an erasure. */
  state(statement: string): Promise<void>
  /** Begins a new file or section. Optional. */
  rotate?(): Promise<void>
  /**
   * Erases the evidence of the selected records, after calling `state` with the statement about them. In
   * `{"r":…,"p":…}`, everything after the first `,"p":` becomes `null`, optionally followed by spaces. Absent if the
   * sink cannot erase.
   */
  erase?(
    choose: (line: string) => boolean,
    announce: (lines: readonly string[]) => Promise<void>,
  ): Promise<number>
  /** Bytes in the current file when it was opened. Default 0. */
  readonly bytes?: number
  /** Hash of the last record when it was opened. */
  readonly last?: string | undefined
  close?(): Promise<void>
}

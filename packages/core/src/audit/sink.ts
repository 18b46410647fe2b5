/**
 * Where an audit log is written to. It is called for one thing at a time.
 */
export interface AuditSink {
  /**
   * Adds whole lines in UTF-8, each with its line break, at the end, and resolves once they are kept. The bytes are good
   * until then. The same object is given once more after a failure, and must not be there twice.
   */
  append(lines: Uint8Array): Promise<void>
  /** Keeps a signed statement: a head of the chain, or that something was erased. */
  state(statement: string): Promise<void>
  /** Begins a new file or section. Absent where there is none. */
  rotate?(): Promise<void>
  /**
   * Takes out the evidence of the records that are chosen, after `state` has been called with what is to be said of them: in
   * `{"r":…,"p":…}`, cut at the first `,"p":`, what follows is `null` then, and may be followed by spaces.
   * Absent where it cannot.
   */
  erase?(
    choose: (line: string) => boolean,
    announce: (lines: readonly string[]) => Promise<void>,
  ): Promise<number>
  /** Bytes that the current file has already. Default 0. */
  readonly bytes?: number
  /** Hash of the record that was last when it was opened. */
  readonly last?: string | undefined
  close?(): Promise<void>
}

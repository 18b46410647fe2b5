import { type FileHandle, open } from 'node:fs/promises'

/** A line of a file. */
export interface FileLine {
  readonly text: string
  /** Where the line begins, in bytes. */
  readonly offset: number
  /** From 1. */
  readonly number: number
  /** Whether it ends with a line break. */
  readonly ended: boolean
}

/** Limit on the characters of a line. A longer one is truncated, and then fails verification. */
const longest = 1024 * 1024

/** @throws TypeError for anything but a list of paths, and for an empty list: with nothing to read, every log would be in order */
export function checkFiles(files: unknown): void {
  const isList = Array.isArray(files) && files.length > 0 && files.every((file) => typeof file === 'string')
  if (!isList) throw new TypeError('files: must be a list of paths, of one at least')
}

/** The lines of a file, read in pieces. Bytes that are not UTF-8 make a line that no log has. */
export async function* linesOf(file: string): AsyncGenerator<FileLine> {
  const handle = await open(file, 'r')
  try {
    yield* linesIn(handle)
  } finally {
    await handle.close()
  }
}

/** The lines of an open file. The handle stays valid when the file is renamed. */
export async function* linesIn(handle: FileHandle): AsyncGenerator<FileLine> {
  const piece = Buffer.alloc(262_144)
  let rest: Buffer = Buffer.alloc(0)
  let offset = 0
  let number = 1
  const line = (bytes: Buffer, ended: boolean): FileLine => ({
    text: bytes.toString('utf8'),
    offset,
    number,
    ended,
  })
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, at)
    if (bytesRead === 0) break
    at += bytesRead
    let bytes: Buffer = Buffer.concat([rest, piece.subarray(0, bytesRead)])
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
      yield line(bytes.subarray(0, end), true)
      offset += end + 1
      number++
      bytes = bytes.subarray(end + 1)
    }
    if (bytes.length > longest) {
      yield line(bytes.subarray(0, longest), false)
      return
    }
    rest = bytes
  }
  if (rest.length > 0) yield line(rest, false)
}

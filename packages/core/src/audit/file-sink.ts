import {
  close,
  closeSync,
  fchmodSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncate,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  write,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { blank, sha256, splitLine } from './line.js'
import { linesIn } from './lines.js'
import type { AuditSink } from './sink.js'

const writeTo = promisify(write)
const sync = promisify(fdatasync)
const truncate = promisify(ftruncate)
const closeFile = promisify(close)

/** How the files of a log are kept. */
export interface FileSinkOptions {
  /** The path of the current file. */
  readonly file: string
  /** `group`: each group of lines is on the disk before the next is written. `none`: the operating system decides. */
  readonly fsync: 'group' | 'none'
  /** How many rotated files are kept; older ones are deleted. */
  readonly files: number
  /** Days after which a rotated file is deleted. */
  readonly days: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

/** The path of the signed statements about a file. */
const statementsOf = (file: string): string => `${file}.heads`

/**
 * Files of lines, with mode 0600. Several processes may write to the same file: each appends whole lines, with a
 * chain of its own.
 *
 * @throws Error of the file system when the file cannot be opened, TypeError when it is no regular file
 */
export class FileSink implements AuditSink {
  readonly last: string | undefined
  readonly bytes: number
  readonly #options: FileSinkOptions
  readonly #file: string
  #lines: number
  #statements: number
  /** What has been written and is not on the disk yet. */
  #written: Uint8Array | undefined
  #torn = false

  constructor(options: FileSinkOptions) {
    this.#options = options
    this.#file = resolve(options.file)
    this.#statements = openPrivate(statementsOf(this.#file))
    this.#lines = openPrivate(this.#file)
    // A line that a power cut left incomplete stays as it is, as evidence.
    if (isTorn(this.#lines)) this.#moveOn()
    this.last = lastRecord(this.#lines)
    this.bytes = fstatSync(this.#lines).size
    this.#retain()
  }

  async append(lines: Uint8Array): Promise<void> {
    if (this.#written !== lines) {
      if (this.#torn) this.#moveOn()
      await this.#write(this.#lines, lines)
      this.#written = lines
    }
    if (this.#options.fsync === 'group') await sync(this.#lines)
    this.#written = undefined
  }

  async state(statement: string): Promise<void> {
    await this.#write(this.#statements, Buffer.from(`${statement}\n`))
    if (this.#options.fsync === 'group') await sync(this.#statements)
  }

  async rotate(): Promise<void> {
    this.#moveOn()
    this.#retain()
  }

  async erase(
    choose: (line: string) => boolean,
    announce: (lines: readonly string[]) => Promise<void>,
  ): Promise<number> {
    // Another process may rename the current file at any time and begin a new one under its name. So the file is
    // opened before the others are listed, and searched through that handle.
    const current = await open(this.#file, 'r+')
    try {
      const { ino } = await current.stat()
      let erased = 0
      for (const file of this.#rotated()) {
        const handle = await openIfThere(file)
        if (handle === undefined) continue
        try {
          if ((await handle.stat()).ino !== ino) erased += await eraseIn(handle, choose, announce)
        } finally {
          await handle.close()
        }
      }
      return erased + (await eraseIn(current, choose, announce))
    } finally {
      await current.close()
    }
  }

  async close(): Promise<void> {
    await closeFile(this.#lines)
    await closeFile(this.#statements)
  }

  async #write(file: number, bytes: Uint8Array): Promise<void> {
    const begin = fstatSync(file).size
    let done = 0
    try {
      while (done < bytes.length) done += (await writeTo(file, bytes, done, bytes.length - done)).bytesWritten
    } catch (cause) {
      // An incomplete line must not stay: the next attempt writes it whole.
      if (done > 0) await this.#takeBack(file, begin, begin + done)
      throw cause
    }
  }

  async #takeBack(file: number, begin: number, end: number): Promise<void> {
    // If another process has written meanwhile, its lines stay, and this one continues in a new file.
    if (fstatSync(file).size === end) await truncate(file, begin)
    else this.#torn = true
  }

  /** Continues in a new file; in the one that another process has begun already, if there is one. */
  #moveOn(): void {
    if (fstatSync(this.#lines).ino === inode(this.#file)) {
      const when = new Date(this.#options.clock()).toISOString().replace(/[-:]/g, '')
      renameSync(this.#file, freeName(`${this.#file}.${when}`))
    }
    closeSync(this.#lines)
    this.#torn = false
    this.#lines = openPrivate(this.#file)
    syncFolder(this.#file)
  }

  #rotated(): readonly string[] {
    const folder = dirname(this.#file)
    const name = basename(this.#file)
    return readdirSync(folder)
      .filter((other) => other.startsWith(`${name}.`) && rotatedName.test(other.slice(name.length)))
      .sort()
      .map((other) => join(folder, other))
  }

  #retain(): void {
    const { files, days, clock } = this.#options
    const oldest = new Date(clock() - days * 86_400_000).toISOString().replace(/[-:]/g, '')
    const rotated = this.#rotated()
    rotated.forEach((file, index) => {
      if (index < rotated.length - files || file.slice(this.#file.length + 1) < oldest) unlinkSync(file)
    })
  }
}

const rotatedName = /^\.\d{8}T\d{6}\.\d{3}Z(-\d+)?$/

function freeName(name: string): string {
  for (let n = 0; ; n++) {
    const free = n === 0 ? name : `${name}-${n}`
    if (inode(free) === undefined) return free
  }
}

function inode(file: string): number | undefined {
  try {
    const fd = openSync(file, 'r')
    try {
      return fstatSync(fd).ino
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

function openPrivate(file: string): number {
  const fd = openSync(file, 'a+', 0o600)
  const stat = fstatSync(fd)
  if (!stat.isFile()) {
    closeSync(fd)
    throw new TypeError(`${file} is no regular file`)
  }
  if ((stat.mode & 0o077) !== 0) fchmodSync(fd, 0o600)
  return fd
}

function syncFolder(file: string): void {
  try {
    const folder = openSync(dirname(file), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch {
    // Some systems do not allow opening folders.
  }
}

function tail(fd: number, most: number): string {
  const { size } = fstatSync(fd)
  const bytes = Buffer.alloc(Math.min(size, most))
  readSync(fd, bytes, 0, bytes.length, size - bytes.length)
  return bytes.toString('utf8')
}

const isTorn = (fd: number): boolean => !['', '\n'].includes(tail(fd, 1))

/** The hash of the last record of a file. */
function lastRecord(fd: number): string | undefined {
  const text = tail(fd, 262_144)
  const parts = splitLine(text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1))
  return parts === undefined ? undefined : sha256(parts.record)
}

/** Another process may have deleted it meanwhile. */
async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r+')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

async function eraseIn(
  handle: FileHandle,
  choose: (line: string) => boolean,
  announce: (lines: readonly string[]) => Promise<void>,
): Promise<number> {
  const chosen: { readonly at: number; readonly bytes: number }[] = []
  let lines: string[] = []
  for await (const { text, offset } of linesIn(handle)) {
    const parts = splitLine(text)
    if (parts?.evidence === undefined || !choose(text)) continue
    lines.push(text)
    chosen.push({
      at: offset + Buffer.byteLength(text.slice(0, parts.at)),
      bytes: Buffer.byteLength(parts.evidence),
    })
    if (lines.length === 1000) {
      await announce(lines)
      lines = []
    }
  }
  if (lines.length > 0) await announce(lines)
  if (chosen.length === 0) return 0
  // In place, because other processes keep appending to the same file.
  for (const { at, bytes } of chosen) await handle.write(blank(bytes), at)
  await handle.datasync()
  return chosen.length
}

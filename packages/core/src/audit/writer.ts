import { after } from '../time/clock.js'
import type { AuditSink } from './sink.js'

/** How far the chain has come. */
export interface ChainEnd {
  readonly seq: number
  readonly hash: string
}

/** Records to be written together. */
interface Batch {
  readonly room: Buffer
  /** How many of its bytes are used. */
  bytes: number
  /** The lines, once the sink has them. */
  lines: Uint8Array | undefined
  /** Whether it begins a new file. */
  readonly rotates: boolean
  /** Its last record. */
  end: ChainEnd | undefined
}

/** The dependencies of {@link Writer}. */
export interface WriterContext {
  readonly sink: AuditSink
  /** Milliseconds for which records are collected. */
  readonly gather: number
  /** Seconds. */
  readonly headEvery: number
  /** Adds the lines that are not made yet. */
  readonly complete: () => void
  /** Signs a head. */
  readonly head: (end: ChainEnd, closed: boolean) => Promise<string>
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  readonly failed: (cause: unknown) => void
  /** @param milliseconds how long it had failed */
  readonly recovered: (milliseconds: number) => void
}

/** The most bytes that the sink gets at once. As bytes, they need no garbage collection. */
const batchBytes = 256 * 1024
/** Buffers kept for the next batches. */
const spareRooms = 2
/** Milliseconds until a failed sink is tried again. */
const pause = 1000

/** Writes lines to a sink, one batch after the other, without delaying requests. */
export class Writer {
  readonly #context: WriterContext
  readonly #batches: Batch[] = []
  readonly #spare: Buffer[] = []
  #bytes = 0
  /** Whether anything has come since the last group began. */
  #isExpecting = false
  #stop: (() => void) | undefined
  /** The current operation of the sink. Every later one waits for it. */
  #turn: Promise<void> = Promise.resolve()
  #failingSince: number | undefined
  #written: ChainEnd | undefined
  #headed: ChainEnd | undefined
  #headAt: number

  constructor(context: WriterContext) {
    this.#context = context
    this.#headAt = context.monotonic()
  }

  /** Bytes waiting to be written. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether the last attempt to write failed. */
  get isFailing(): boolean {
    return this.#failingSince !== undefined
  }

  /** @param rotates whether this line begins a new file */
  add(line: string, end: ChainEnd, rotates: boolean): void {
    // A line takes at most three times as many bytes as characters.
    const most = line.length * 3 + 1
    let batch = this.#batches.at(-1)
    if (
      batch === undefined ||
      rotates ||
      batch.lines !== undefined ||
      batch.bytes + most > batch.room.length
    ) {
      const room =
        (most <= batchBytes ? this.#spare.pop() : undefined) ??
        Buffer.allocUnsafeSlow(Math.max(batchBytes, most))
      batch = { room, bytes: 0, lines: undefined, rotates, end: undefined }
      this.#batches.push(batch)
    }
    const written = batch.room.write(line, batch.bytes, 'utf8')
    batch.room[batch.bytes + written] = 10
    batch.bytes += written + 1
    batch.end = end
    this.#bytes += written + 1
    this.expect()
  }

  /** Announces a line that will be added before the next group is written. */
  expect(): void {
    this.#isExpecting = true
    if (this.#stop === undefined) this.#schedule(this.isFailing ? pause : this.#context.gather)
  }

  /** Writes everything that waits. If that fails it rejects, and the records keep waiting. */
  flush(): Promise<void> {
    return this.run(async () => this.#writeAll())
  }

  /** Runs an operation of the sink when it is free. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task)
    this.#turn = done.then(
      () => {},
      () => {},
    )
    return done
  }

  /** Writes everything that waits, and the last head. */
  async close(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
    await this.run(async () => {
      await this.#writeAll()
      await this.#head(true)
      await this.#context.sink.close?.()
    })
  }

  /** Signs and stores a head. */
  head(): Promise<void> {
    return this.run(async () => {
      await this.#writeAll()
      await this.#head(false)
    })
  }

  #schedule(ms: number): void {
    if (this.#stop !== undefined) return
    this.#stop = after(ms, () => {
      // Nothing else is scheduled until it is done. What comes meanwhile is the next group.
      this.flush()
        .catch(() => {})
        .finally(() => {
          this.#stop = undefined
          if (this.#batches.length > 0 || this.#isExpecting)
            this.#schedule(this.isFailing ? pause : this.#context.gather)
        })
    })
  }

  async #writeAll(): Promise<void> {
    this.#context.complete()
    this.#isExpecting = false
    try {
      for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0])
        await this.#write(batch)
    } catch (cause) {
      if (this.#failingSince === undefined) {
        this.#failingSince = this.#context.monotonic()
        this.#context.failed(cause)
      }
      throw cause
    }
    if (this.#failingSince !== undefined) {
      const milliseconds = this.#context.monotonic() - this.#failingSince
      this.#failingSince = undefined
      this.#context.recovered(milliseconds)
    }
    if (this.#context.monotonic() - this.#headAt >= this.#context.headEvery * 1000) await this.#tryHead()
  }

  async #write(batch: Batch): Promise<void> {
    const { sink } = this.#context
    batch.lines ??= batch.room.subarray(0, batch.bytes)
    if (batch.rotates && sink.rotate !== undefined && this.#rotatedFor !== batch) {
      await this.#tryHead()
      await sink.rotate()
      this.#rotatedFor = batch
    }
    await sink.append(batch.lines)
    this.#batches.shift()
    if (this.#spare.length < spareRooms && batch.room.length === batchBytes) this.#spare.push(batch.room)
    this.#bytes -= batch.bytes
    this.#written = batch.end
  }

  #rotatedFor: Batch | undefined

  /** A head that cannot be signed or written now is signed later, and then covers more. */
  async #tryHead(): Promise<void> {
    try {
      await this.#head(false)
    } catch (cause) {
      this.#headAt = this.#context.monotonic()
      this.#context.failed(cause)
    }
  }

  async #head(closed: boolean): Promise<void> {
    const end = this.#written
    if (end === undefined || (end === this.#headed && !closed)) return
    await this.#context.sink.state(await this.#context.head(end, closed))
    this.#headed = end
    this.#headAt = this.#context.monotonic()
  }
}

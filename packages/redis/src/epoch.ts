import { randomUUID } from 'node:crypto'
import {
  accepted,
  begun,
  type EpochCommands,
  epochMilliseconds,
  epochName,
  lost,
  overName,
  restoring,
} from './epoch-keys.js'
import type { Journal } from './journal.js'
import { partOfMarks } from './parts.js'
import { beginMark, Restoration, type Restored } from './restoration.js'

/** The context of an {@link Epoch}. */
export interface EpochContext {
  readonly commands: EpochCommands
  /** The entries to write back; absent if all processes refuse until the operator accepts the loss. */
  readonly journal: Journal | undefined
  /** The part of the store that the epoch belongs to. */
  readonly part: number
  /** Whether an epoch must exist, even if this process has seen none; absent when no other part can tell. */
  readonly hasBegun?: () => Promise<boolean>
  /** Changes the marks of lists with restored entries, if the marks are in another part; absent if there is one part. */
  readonly changeMarks?: () => Promise<void>
  /** Called when a loss is detected. */
  readonly onLost: () => void
  /** Milliseconds in which every running process has detected a loss and written back its entries. */
  readonly window: number
  /** A monotonic clock, in milliseconds. */
  readonly monotonic: () => number
  /** Called when a restoration is over; with `undefined` if it was abandoned. */
  readonly onRestored: (restored: Restored | undefined) => void
}

// How often a process with entries to write back checks the epoch, in milliseconds.
const lookEvery = 1000

/**
 * Detects that Redis has lost its data: after a restart without persistence, `FLUSHALL`, or a failover to an empty
 * replica. One key, the epoch, exists as long as the rest of the data does, and is read with every read. A process
 * that knows the epoch and finds none, or one that another process has begun since, writes a value there that says
 * so. Then processes that start later refuse as well.
 *
 * With a journal, the running processes then write back what they know, and Redis is used again ({@link
 * Restoration}).
 */
export class Epoch {
  readonly #context: EpochContext
  #known: string | undefined
  #telling: Promise<unknown> | undefined
  #restoration: Restoration | undefined
  #watch: Partial<NodeJS.Timeout> | undefined

  constructor(context: EpochContext) {
    this.#context = context
  }

  /** Whether this is the known epoch; then there is nothing to await. */
  isKnown(value: string | undefined): boolean {
    return value !== undefined && value === this.#known
  }

  /** Whether an epoch is known, so that its loss would be detected. */
  get isSeen(): boolean {
    return this.#known !== undefined
  }

  get isRestoring(): boolean {
    return this.#restoration !== undefined
  }

  /** Changes when a loss is detected, and when the restoration is over. */
  get state(): unknown {
    return this.#restoration ?? this.#known
  }

  /** @throws Error while entries are being written back */
  assertSettled(): void {
    if (this.#restoration !== undefined) throw this.unsettled
  }

  /** What is said while things are being written back. */
  get unsettled(): Error {
    return restoringError()
  }

  /** Checks the epoch regularly from now on, even without requests, as long as there are entries to write back. */
  watch(): void {
    if (this.#watch !== undefined) return
    this.#watch = setTimeout(() => {
      this.#watch = undefined
      this.look()
    }, lookEvery)
    // With fake timers it may be anything.
    this.#watch.unref?.()
  }

  /** Checks the epoch now, if there are entries to write back. */
  look(): void {
    const { commands, journal } = this.#context
    if (journal === undefined || journal.isEmpty) return
    this.watch()
    if (commands.ready() && this.#restoration === undefined) this.check().catch(() => {})
  }

  /** Judges an epoch other than the known one. @throws Error when the data is lost, or being written back */
  async judge(value: string | undefined): Promise<void> {
    if (value === lost) throw lostError()
    this.assertSettled()
    if (this.#known === undefined) {
      const found = await this.#find(value)
      if (found === 'missing') throw await this.#lose(undefined)
      // A Redis that is full, or a replica, can still be read; the epoch is begun later.
      if (found === undefined && !(await this.#begin())) return
      const first = found ?? (await this.#context.commands.get(epochName))
      if (first === undefined || first === lost) throw lostError()
      if (first.startsWith(restoring) && !(await this.#isOver(first))) throw this.#restore()
      this.#known ??= first
      if (this.#known === first) return
    }
    if (this.#context.journal === undefined && value?.startsWith(accepted) === true) {
      this.#known = value
      return
    }
    throw await this.#lose(value)
  }

  /** The epoch for a process that knows none. @returns `missing` if there must have been one */
  async #find(value: string | undefined): Promise<string | undefined> {
    const { hasBegun, commands } = this.#context
    if (hasBegun === undefined) return value
    const hasBegunNow = hasBegun()
    if (value !== undefined) {
      // Not awaited: it only tells processes that start later.
      hasBegunNow.catch(() => {})
      return value
    }
    if (!(await hasBegunNow)) return undefined
    // It may have been begun in the meantime.
    return (await commands.get(epochName)) ?? 'missing'
  }

  async #lose(found: string | undefined): Promise<Error> {
    if (this.#context.journal !== undefined) return this.#restore()
    if (this.#telling === undefined) this.#context.onLost()
    await this.#tell(found)
    return lostError()
  }

  async check(): Promise<void> {
    const value = await this.#context.commands.get(epochName)
    if (!this.isKnown(value)) await this.judge(value)
  }

  /** The operator has restored what is needed. */
  async accept(): Promise<void> {
    const { commands, hasBegun, part } = this.#context
    const value = accepted + randomUUID()
    // In a cluster usually only some parts are lost. The others keep their epoch.
    if (hasBegun !== undefined) {
      if (await this.#isBegun()) return
      if (part === partOfMarks) await beginMark(commands)
    }
    await commands.put(epochName, value, epochMilliseconds)
    this.#known = value
  }

  async #isBegun(): Promise<boolean> {
    return (await this.#context.commands.get(epochName))?.startsWith(begun) === true
  }

  async #begin(): Promise<boolean> {
    try {
      await this.#context.commands.claim(epochName, begun + randomUUID(), epochMilliseconds)
      return true
    } catch {
      return false
    }
  }

  /** Whether all processes with entries to write back have had time for it. */
  async #isOver(value: string): Promise<boolean> {
    return (await this.#context.commands.get(overName(value))) !== undefined
  }

  /** Starts one restoration, however many calls detect the loss at the same time. */
  #restore(): Error {
    const { journal, onRestored } = this.#context
    if (journal === undefined) return lostError()
    if (this.#restoration === undefined) {
      const restoration = new Restoration({ ...this.#context, journal }, this.#known)
      this.#restoration = restoration
      this.#context.onLost()
      void restoration.run().then((restored) => {
        this.#restoration = undefined
        if (restored !== undefined) this.#known = restored.epoch
        onRestored(restored)
      })
    }
    return restoringError()
  }

  /** Writes once, however many calls detect the loss at the same time. If it fails, each detects the loss again. */
  async #tell(found: string | undefined): Promise<void> {
    const { commands } = this.#context
    this.#telling ??= (
      found === undefined
        ? commands.claim(epochName, lost, epochMilliseconds)
        : commands.put(epochName, lost, epochMilliseconds)
    ).finally(() => {
      this.#telling = undefined
    })
    await this.#telling.catch(() => {})
  }
}

function lostError(): Error {
  return new Error(
    'Redis has lost what it held: revocations and denials may be missing. Restore what you can, then call acceptLoss() of the store (docs/operations.md)',
  )
}

function restoringError(): Error {
  return new Error(
    'Redis has lost what it held: what the running processes know is being written back, and Redis is used again within seconds (docs/operations.md)',
  )
}

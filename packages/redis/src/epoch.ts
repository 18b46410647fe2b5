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

/** What an {@link Epoch} works with. */
export interface EpochContext {
  readonly commands: EpochCommands
  /** What is written back; absent where nobody may be served until the operator says so. */
  readonly journal: Journal | undefined
  /** The part of the store that it is of. */
  readonly part: number
  /** Whether there must have been an epoch, also where this process has seen none; absent where nobody else can tell. */
  readonly hasBegun?: () => Promise<boolean>
  /** See {@link Restoration}; absent where everything is in one part. */
  readonly changeMarks?: () => Promise<void>
  /** A loss has been noticed. */
  readonly onLost: () => void
  /** Milliseconds in which every process that runs has noticed a loss and written back what it knows. */
  readonly window: number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  /** A restoration is over; `undefined` where it was given up. */
  readonly onRestored: (restored: Restored | undefined) => void
}

// How often one who has something to write back looks whether it is needed.
const lookEvery = 1000

/**
 * Notices that Redis has lost what it held: a restart without persistence, `FLUSHALL`, a replica promoted before it had
 * anything. It has a key that is there as long as everything else is, and that is read along with every read. Whoever has
 * seen it and misses it, or finds one that somebody else began meanwhile, writes a value there that says so: then those
 * who start later refuse as well.
 *
 * With a journal, what is known to the processes that run is then written back, and Redis used again ({@link Restoration}).
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

  /** Whether this is the value that is known; then there is nothing to await. */
  isKnown(value: string | undefined): boolean {
    return value !== undefined && value === this.#known
  }

  /** Whether an epoch is known: then it is noticed when that is gone. */
  get isSeen(): boolean {
    return this.#known !== undefined
  }

  get isRestoring(): boolean {
    return this.#restoration !== undefined
  }

  /** Changes when a loss has been noticed, and when it is over. */
  get state(): unknown {
    return this.#restoration ?? this.#known
  }

  /** @throws Error while things are being written back */
  assertSettled(): void {
    if (this.#restoration !== undefined) throw this.unsettled
  }

  /** What is said while things are being written back. */
  get unsettled(): Error {
    return restoringError()
  }

  /** Looks from now on, also while nobody asks, for as long as there is something to write back. */
  watch(): void {
    if (this.#watch !== undefined) return
    this.#watch = setTimeout(() => {
      this.#watch = undefined
      this.look()
    }, lookEvery)
    // Under timers that a test has put in place it may be anything.
    this.#watch.unref?.()
  }

  /** Looks now, if there is something to write back. */
  look(): void {
    const { commands, journal } = this.#context
    if (journal === undefined || journal.isEmpty) return
    this.watch()
    if (commands.ready() && this.#restoration === undefined) this.check().catch(() => {})
  }

  /** Judges a value that is not the known one. @throws Error where what was held is lost, or is being written back */
  async judge(value: string | undefined): Promise<void> {
    if (value === lost) throw lostError()
    this.assertSettled()
    if (this.#known === undefined) {
      const found = await this.#find(value)
      if (found === 'missing') throw await this.#lose(undefined)
      // One that is full, or a replica, can be read all the same; somebody begins it later.
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

  /** What there is for one who has seen nothing. @returns `missing` where there must have been one */
  async #find(value: string | undefined): Promise<string | undefined> {
    const { hasBegun, commands } = this.#context
    if (hasBegun === undefined) return value
    const hasBegunNow = hasBegun()
    if (value !== undefined) {
      // It is not waited for, and said for those who come later.
      hasBegunNow.catch(() => {})
      return value
    }
    if (!(await hasBegunNow)) return undefined
    // It may have been begun meanwhile.
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

  /** The operator has restored what has to be there. */
  async accept(): Promise<void> {
    const { commands, hasBegun, part } = this.#context
    const value = accepted + randomUUID()
    // Of a cluster most often one part is lost. The others go on.
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

  /** Whether all who had something to write back have had time for it. */
  async #isOver(value: string): Promise<boolean> {
    return (await this.#context.commands.get(overName(value))) !== undefined
  }

  /** Once for all who notice it at the same time. */
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

  /** Once for all who notice it at the same time. Where it cannot be written, each notices it again. */
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
    'Redis has lost what it held: what is known to the processes that run is being written back, and it is used again within seconds (docs/operations.md)',
  )
}

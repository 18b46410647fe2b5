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
import type { Journal, JournalEntry } from './journal.js'
import { isMarkKey, partOfMarks } from './parts.js'

const deniedMark = 'deny:mark'
// Longer than any denial lasts.
const markMilliseconds = 402 * 86_400_000

/**
 * Where the part with the marks was lost and nobody is left who has written that of denials, there is one from now on:
 * without it nobody would be denied, though the other parts of the cluster hold denials.
 */
export const beginMark = (commands: EpochCommands): Promise<unknown> =>
  commands.claimUnconfirmed(deniedMark, randomUUID(), markMilliseconds)

/** The result of a restoration. */
export interface Restored {
  /** The epoch that has begun. */
  readonly epoch: string
  /** Entries that this process has written back. */
  readonly written: number
  /** Entries that this process knew. */
  readonly known: number
}

/** The context of a {@link Restoration}. */
export interface RestorationContext {
  readonly commands: EpochCommands
  readonly journal: Journal
  /** The part of the store that has lost its data. */
  readonly part: number
  /** Changes the marks of lists with restored entries, if the marks are in another part; absent if there is one part. */
  readonly changeMarks?: () => Promise<void>
  /** Milliseconds in which every running process has detected a loss and written back its entries. */
  readonly window: number
  /** A monotonic clock, in milliseconds. */
  readonly monotonic: () => number
}

const lookEvery = 250
const afterFailure = 1000
const batchSize = 256
// A lease, renewed while some process needs more time.
const holdMilliseconds = 3000
// Milliseconds. While used signatures are missing, the restoration waits until they have expired. A process that
// misses anything for longer than this knows too little to continue.
const longestHold = 150_000

/**
 * Writes back the entries of this process to a Redis that has lost its data, and waits until all other processes have
 * had time to do the same.
 *
 * The epoch becomes `restoring:<name>`, and stays so. A key with that name says when all have had their time, so that
 * a late write cannot say it of a Redis that was emptied again in the meantime. Each process counts the time from
 * when it first saw that epoch, and only while Redis answers; the first whose time is up writes the key. No clocks
 * are compared. A process that comes later writes back its entries before it accepts that epoch.
 */
export class Restoration {
  readonly #context: RestorationContext
  readonly #known: string | undefined
  /** The epoch into which all entries have been written. */
  #epoch: string | undefined
  #contested: readonly JournalEntry[] = []
  #counted = 0
  #seenAt = 0
  #written = 0
  #heldAt = Number.NEGATIVE_INFINITY

  /** @param known the former epoch; `undefined` for a process that has seen none, and has nothing to write back */
  constructor(context: RestorationContext, known: string | undefined) {
    this.#context = context
    this.#known = known
  }

  /** Never rejects. @returns `undefined` if abandoned; the next process that detects the need begins again */
  async run(): Promise<Restored | undefined> {
    for (;;) {
      let pause = lookEvery
      try {
        const epoch = await this.#next()
        if (epoch === 'given up') return undefined
        if (epoch !== undefined) return { epoch, written: this.#written, known: this.#live().length }
      } catch {
        if (!this.#context.commands.ready()) return undefined
        this.#seenAt = this.#context.monotonic()
        pause = afterFailure
      }
      await new Promise((resolve) => void (setTimeout(resolve, pause) as Partial<NodeJS.Timeout>).unref?.())
    }
  }

  /** @returns the epoch in which requests may be served */
  async #next(): Promise<string | undefined> {
    const { commands, journal, monotonic, window } = this.#context
    const found = await this.#settle(await commands.get(epochName))
    if (found === undefined) return undefined
    if (found === lost || found === this.#known || found.startsWith(begun)) return 'given up'
    if (found !== this.#epoch) {
      await this.#writeBack(found)
      // Read again to see whether the entries were written into this epoch.
      if ((await commands.get(epochName)) !== found) return undefined
      this.#epoch = found
      this.#counted = 0
      this.#seenAt = monotonic()
      // A replica that has this write has all earlier ones.
      if (this.#live().length > 0) await commands.put(holdName(found), '1', lookEvery)
    }
    await this.#contest()
    if (found.startsWith(accepted) || (await commands.get(overName(found))) !== undefined) return found
    if (journal.missing > 0) await this.#hold(found)
    const now = monotonic()
    // The other processes had no time either while Redis did not answer.
    this.#counted += Math.min(now - this.#seenAt, 2 * lookEvery)
    this.#seenAt = now
    if (this.#counted >= window && (await commands.get(holdName(found))) === undefined)
      await commands.claim(overName(found), '1', epochMilliseconds)
    return undefined
  }

  /** Makes sure that the epoch is one in which entries are written back. @returns `undefined` to look again */
  async #settle(found: string | undefined): Promise<string | undefined> {
    const { commands, journal } = this.#context
    const isSettled = found === lost || found === this.#known || found?.startsWith(accepted) === true
    if (found !== undefined && isSettled) return found
    // Entries that this process has dropped are missing for all.
    if (journal.missing > longestHold) {
      await commands.put(epochName, lost, epochMilliseconds)
      return lost
    }
    if (found === undefined) {
      await commands.claim(epochName, restoring + randomUUID(), epochMilliseconds)
      return undefined
    }
    if (this.#known === undefined || !found.startsWith(begun)) return found
    // A process that knew no epoch began it after the loss. All that detect this write the same value.
    await commands.put(epochName, restoring + found.slice(begun.length), epochMilliseconds)
    return undefined
  }

  async #writeBack(epoch: string): Promise<void> {
    const { commands, monotonic, changeMarks, part } = this.#context
    const entries = this.#known === undefined ? [] : this.#live()
    const taken: JournalEntry[] = []
    this.#written = 0
    for (let start = 0; start < entries.length; start += batchSize) {
      await this.#hold(epoch)
      const batch = entries.slice(start, start + batchSize)
      const won = await Promise.all(
        batch.map(({ key, value, expires }) => {
          const left = Math.ceil(expires - monotonic())
          // A new value, so that lookups under a mark of another process do not count as done.
          const text = isMarkKey(key) ? randomUUID() : value
          return left > 0 ? commands.claimUnconfirmed(key, text, left) : undefined
        }),
      )
      for (const [index, entry] of batch.entries()) {
        if (won[index] === true) this.#written++
        else if (won[index] === false) taken.push(entry)
      }
    }
    this.#contested = []
    for (const entry of taken) await this.#compare(entry, true)
    // Others may have looked for the entries in vain, if their time was up without this process.
    if (entries.length > 0) await changeMarks?.()
    if (changeMarks !== undefined && part === partOfMarks) await beginMark(commands)
  }

  #live(): readonly JournalEntry[] {
    return this.#context.journal.live(this.#context.part)
  }

  /** Compares again, because another process comparing at the same time may have written an older value last. */
  async #contest(): Promise<void> {
    const contested = this.#contested
    this.#contested = []
    for (const entry of contested) await this.#compare(entry, false)
  }

  /**
   * Settles an entry that another process has written back or changed. Of two times, or two versions of one series, the later
   * counts. Another series was begun after this one was lost, and stands. Of two marks the newer one is unknown, so the mark gets a new value, under which everything is looked up
   * again.
   */
  async #compare({ key }: JournalEntry, isFirst: boolean): Promise<void> {
    const { commands, journal, monotonic } = this.#context
    const there = await commands.get(key)
    const mine = journal.get(key)
    if (mine === undefined || there === mine.value) return
    if (there !== undefined && seriesOf(there) !== seriesOf(mine.value)) {
      // Or it would be the first to be written back when it is lost once more.
      journal.forget(key)
      return
    }
    const left = Math.ceil(mine.expires - monotonic())
    if (left <= 0) return
    const [theirs, own] = [there === undefined ? 0 : numberOf(there), numberOf(mine.value)]
    if (own !== undefined && theirs !== undefined) {
      this.#contested = [...this.#contested, mine]
      if (theirs < own) await commands.putUnconfirmed(key, mine.value, left)
    } else if (isFirst && isMark.test(mine.value)) await commands.putUnconfirmed(key, randomUUID(), left)
  }

  /** Keeps all processes waiting until this one is ready. */
  async #hold(epoch: string): Promise<void> {
    const now = this.#context.monotonic()
    if (now < this.#heldAt + holdMilliseconds / 3) return
    await this.#context.commands.putUnconfirmed(holdName(epoch), '1', holdMilliseconds)
    this.#heldAt = now
  }
}

/** The number at the start of a value: the time at which something ends, or a version. */
const numberOf = (value: string): number | undefined => {
  const [number] = /^\d{1,15}(?= |$)/.exec(value) ?? []
  return number === undefined ? undefined : Number(number)
}
/** The series of which a value is a version. */
const seriesOf = (value: string): string | undefined => /^\d{1,15} (\S*) /.exec(value)?.[1]
/** A value that only serves to detect changes. */
const isMark = /^[\w-]{16,40}$/

const holdName = (epoch: string): string => `${overName(epoch)}:hold`

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

/** What came of writing back what was lost. */
export interface Restored {
  /** The epoch that has begun. */
  readonly epoch: string
  /** Entries that this process has written back. */
  readonly written: number
  /** Entries that it knew. */
  readonly known: number
}

/** What a {@link Restoration} works with. */
export interface RestorationContext {
  readonly commands: EpochCommands
  readonly journal: Journal
  /** The part of the store that has lost what it held. */
  readonly part: number
  /** Changes the marks of lists, of which something is in other parts than the marks; absent where everything is in one. */
  readonly changeMarks?: () => Promise<void>
  /** Milliseconds in which every process that runs has noticed a loss and written back what it knows. */
  readonly window: number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
}

const lookEvery = 250
const afterFailure = 1000
const batchSize = 256
// A lease, for as long as somebody cannot do without more time.
const holdMilliseconds = 3000
// What was used once is held back until it has expired; whoever misses more than that knows too little to go on.
const longestHold = 150_000

/**
 * Writes back what this process knows to a Redis that has lost it, and waits until all others have had time to do the same.
 *
 * The epoch becomes `restoring:<name>`, and stays so; that all have had their time is said by a key of that name, so that
 * nothing that is written late says it of a Redis that was emptied again meanwhile. Each process counts the time for itself
 * from when it saw that epoch, and only while Redis answers it; the first to have it says so for all. No clocks are
 * compared. Whoever comes later writes back what it knows before it is served by that epoch.
 */
export class Restoration {
  readonly #context: RestorationContext
  readonly #known: string | undefined
  /** The epoch into which everything has been written. */
  #epoch: string | undefined
  #contested: readonly JournalEntry[] = []
  #counted = 0
  #seenAt = 0
  #written = 0
  #heldAt = Number.NEGATIVE_INFINITY

  /** @param known the epoch that is over; `undefined` for a process that has seen none, and has nothing to write back */
  constructor(context: RestorationContext, known: string | undefined) {
    this.#context = context
    this.#known = known
  }

  /** Never rejects. @returns `undefined` where it was given up: it is begun again by whoever notices that there is need */
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

  /** @returns the epoch in which everybody may be served */
  async #next(): Promise<string | undefined> {
    const { commands, journal, monotonic, window } = this.#context
    const found = await this.#settle(await commands.get(epochName))
    if (found === undefined) return undefined
    if (found === lost || found === this.#known || found.startsWith(begun)) return 'given up'
    if (found !== this.#epoch) {
      await this.#writeBack(found)
      // Whether it was written into this epoch is seen by looking again.
      if ((await commands.get(epochName)) !== found) return undefined
      this.#epoch = found
      this.#counted = 0
      this.#seenAt = monotonic()
      // Replicas that have this one have all that was written before it.
      if (this.#live().length > 0) await commands.put(holdName(found), '1', lookEvery)
    }
    await this.#contest()
    if (found.startsWith(accepted) || (await commands.get(overName(found))) !== undefined) return found
    if (journal.missing > 0) await this.#hold(found)
    const now = monotonic()
    // Time in which Redis did not answer was not there for the others either.
    this.#counted += Math.min(now - this.#seenAt, 2 * lookEvery)
    this.#seenAt = now
    if (this.#counted >= window && (await commands.get(holdName(found))) === undefined)
      await commands.claim(overName(found), '1', epochMilliseconds)
    return undefined
  }

  /** Sees to it that the epoch is one in which things are written back. @returns `undefined` to look again */
  async #settle(found: string | undefined): Promise<string | undefined> {
    const { commands, journal } = this.#context
    const isSettled = found === lost || found === this.#known || found?.startsWith(accepted) === true
    if (found !== undefined && isSettled) return found
    // What is missing here is missing to all.
    if (journal.missing > longestHold) {
      await commands.put(epochName, lost, epochMilliseconds)
      return lost
    }
    if (found === undefined) {
      await commands.claim(epochName, restoring + randomUUID(), epochMilliseconds)
      return undefined
    }
    if (this.#known === undefined || !found.startsWith(begun)) return found
    // Somebody who had seen nothing began it after the loss. All who notice it write the same.
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
          // Under a mark that had been changed by somebody else nothing may pass for looked up.
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
    // Somebody may have looked for it in vain, where the others had their time without this process.
    if (entries.length > 0) await changeMarks?.()
    if (changeMarks !== undefined && part === partOfMarks) await beginMark(commands)
  }

  #live(): readonly JournalEntry[] {
    return this.#context.journal.live(this.#context.part)
  }

  /** Others that compare at the same time may have written an earlier end last. */
  async #contest(): Promise<void> {
    const contested = this.#contested
    this.#contested = []
    for (const entry of contested) await this.#compare(entry, false)
  }

  /**
   * What is written of an entry that another process has written back, or has written anew. Of two ends, and of two
   * versions of one series, the later counts; a series that others have begun is one that they began when this one had been
   * lost, and stands. Of two marks nobody knows which is the newer one, so it becomes another one, under which everything is
   * looked up again.
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

  /** Nobody goes on before this process is ready. */
  async #hold(epoch: string): Promise<void> {
    const now = this.#context.monotonic()
    if (now < this.#heldAt + holdMilliseconds / 3) return
    await this.#context.commands.putUnconfirmed(holdName(epoch), '1', holdMilliseconds)
    this.#heldAt = now
  }
}

/** The number with which a value begins: a time at which something ends, or the number of a version. */
const numberOf = (value: string): number | undefined => {
  const [number] = /^\d{1,15}(?= |$)/.exec(value) ?? []
  return number === undefined ? undefined : Number(number)
}
/** The series of which a value is a version. */
const seriesOf = (value: string): string | undefined => /^\d{1,15} (\S*) /.exec(value)?.[1]
/** A value by which changes are told apart, and nothing else. */
const isMark = /^[\w-]{16,40}$/

const holdName = (epoch: string): string => `${overName(epoch)}:hold`

import { randomUUID } from 'node:crypto'

/** What is read and written of the epoch's key. */
export interface EpochCommands {
  get(): Promise<string | undefined>
  /** Sets it where there is nothing. */
  claim(value: string): Promise<unknown>
  put(value: string): Promise<unknown>
}

/** Milliseconds, longer than anything that is kept: every key has a time to live. */
export const epochMilliseconds: number = 10 * 366 * 86_400_000

const lost = 'lost'
const begun = 'new:'
const accepted = 'accepted:'

/**
 * Notices that Redis has lost what it held: a restart without persistence, `FLUSHALL`, a replica promoted before it had
 * anything. It has a key that is there as long as everything else is, and that is read along with every read. Whoever
 * has seen it and misses it, or finds one that somebody else began meanwhile, says so in its place, so that those who start
 * later refuse as well.
 *
 * Nothing is written back from memory: a process knows only of what it was asked, and none knows of a revocation that
 * arrived at one which has ended. What cannot be known to be complete must not pass for it.
 */
export class Epoch {
  readonly #commands: EpochCommands
  #known: string | undefined
  #telling: Promise<unknown> | undefined

  constructor(commands: EpochCommands) {
    this.#commands = commands
  }

  /** Whether this is the value that is known; then there is nothing to await. */
  isKnown(value: string | undefined): boolean {
    return value !== undefined && value === this.#known
  }

  /** Judges a value that is not the known one. @throws Error where what was held is lost */
  async judge(value: string | undefined): Promise<void> {
    if (value === lost) throw lostError()
    if (this.#known === undefined) {
      // One that is full, or a replica, can be read all the same; somebody begins it later.
      if (value === undefined && !(await this.#begin())) return
      const first = value ?? (await this.#commands.get())
      if (first === undefined || first === lost) throw lostError()
      this.#known ??= first
      if (this.#known === first) return
    }
    if (value?.startsWith(accepted) === true) {
      this.#known = value
      return
    }
    await this.#tell(value)
    throw lostError()
  }

  async #begin(): Promise<boolean> {
    try {
      await this.#commands.claim(begun + randomUUID())
      return true
    } catch {
      return false
    }
  }

  async check(): Promise<void> {
    const value = await this.#commands.get()
    if (!this.isKnown(value)) await this.judge(value)
  }

  /** The operator has restored what has to be there. */
  async accept(): Promise<void> {
    const value = accepted + randomUUID()
    await this.#commands.put(value)
    this.#known = value
  }

  /** Once for all who notice it at the same time. Where it cannot be written, each notices it again. */
  async #tell(found: string | undefined): Promise<void> {
    this.#telling ??= (found === undefined ? this.#commands.claim(lost) : this.#commands.put(lost)).finally(
      () => {
        this.#telling = undefined
      },
    )
    await this.#telling.catch(() => {})
  }
}

function lostError(): Error {
  return new Error(
    'Redis has lost what it held: revocations and denials may be missing. Restore what you can, then call acceptLoss() of the store (docs/operations.md)',
  )
}

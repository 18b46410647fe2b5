import { type RestorableKind, restorableKind } from '@countersign/core/adapter'

/** An entry that this process has written. */
export interface JournalEntry {
  readonly key: string
  readonly value: string
  /** The part of the store that holds it. */
  readonly part: number
  /** Milliseconds of the monotonic clock. */
  readonly expires: number
}

// The overhead of an entry, in bytes.
const besideTexts = 160
const sweepEvery = 10_000

/**
 * Room for all revocations that strangers can cause at once. With the default `revocations` option of a server, these
 * are 600 a minute for 62 minutes, of at most 310 bytes each: about 11 MB.
 */
export const defaultJournalBytes = 16_777_216

/**
 * The entries that this process has put or claimed and that must not be forgotten before they expire, so that it can
 * write them back to a Redis that has lost its data. Bounded in bytes: used signatures are dropped first, then the
 * oldest revocations and ended sessions, most of which strangers cause, and the operator's denials last. It remembers
 * until when dropped entries would have been in force.
 */
export class Journal {
  readonly #maxBytes: number
  readonly #monotonic: () => number
  readonly #denials = new Map<string, JournalEntry>()
  readonly #stops = new Map<string, JournalEntry>()
  /** Roughly ordered by expiry, because their lifetimes are similar. */
  readonly #used = new Map<string, JournalEntry>()
  readonly #maps: Readonly<Record<RestorableKind, Map<string, JournalEntry>>> = {
    denial: this.#denials,
    stop: this.#stops,
    used: this.#used,
  }
  #bytes = 0
  #sweptAt = Number.NEGATIVE_INFINITY
  #missingUntil = Number.NEGATIVE_INFINITY

  /** @param monotonic a monotonic clock, in milliseconds */
  constructor(maxBytes: number, monotonic: () => number) {
    this.#maxBytes = maxBytes
    this.#monotonic = monotonic
  }

  /** Adds an acknowledged entry. @returns whether it is of a kind that is kept */
  note(key: string, value: string, milliseconds: number, part = 0): boolean {
    const kind = restorableKind(key)
    if (kind === undefined) return false
    this.forget(key)
    const now = this.#monotonic()
    const entry = { key, value, part, expires: now + milliseconds }
    // Appended, because the entry of a list is written before its mark, and must be written back in that order.
    this.#maps[kind].set(key, entry)
    this.#bytes += bytesOf(entry)
    if (this.#bytes > this.#maxBytes || now >= this.#sweptAt + sweepEvery) this.#sweep(now)
    while (this.#bytes > this.#maxBytes) this.#giveWay()
    return true
  }

  /** Removes an entry that was deleted on purpose. */
  forget(key: string): void {
    for (const map of Object.values(this.#maps)) {
      const entry = map.get(key)
      if (entry === undefined) continue
      map.delete(key)
      this.#bytes -= bytesOf(entry)
    }
  }

  get(key: string): JournalEntry | undefined {
    return this.#denials.get(key) ?? this.#stops.get(key) ?? this.#used.get(key)
  }

  get isEmpty(): boolean {
    this.#sweep(this.#monotonic())
    return this.#bytes === 0 && this.missing === 0
  }

  /** Milliseconds for which some dropped entry would still be in force; 0 if none would. */
  get missing(): number {
    return Math.max(0, this.#missingUntil - this.#monotonic())
  }

  /**
   * The entries of a part that are in force: denials first, used signatures last, each in the order in which they
   * were written.
   */
  live(part = 0): readonly JournalEntry[] {
    this.#sweep(this.#monotonic())
    const all = [this.#denials, this.#stops, this.#used]
    return all.flatMap((map) => [...map.values()].filter((entry) => entry.part === part))
  }

  #giveWay(): void {
    const [map = this.#denials] = [this.#used, this.#stops].filter(({ size }) => size > 0)
    const [oldest] = map.values()
    if (oldest === undefined) return
    this.#missingUntil = Math.max(this.#missingUntil, oldest.expires)
    this.forget(oldest.key)
  }

  #sweep(now: number): void {
    for (const entry of this.#used.values()) {
      if (entry.expires > now) break
      this.forget(entry.key)
    }
    if (now < this.#sweptAt + sweepEvery) return
    this.#sweptAt = now
    for (const map of Object.values(this.#maps))
      for (const entry of map.values()) if (entry.expires <= now) this.forget(entry.key)
  }
}

const bytesOf = ({ key, value }: JournalEntry): number => key.length + value.length + besideTexts

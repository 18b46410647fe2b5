import { fixedLimits } from '../limits.js'

/** The content of one request while it is being read. */
export interface Reading {
  /** Counts a chunk. Some reading, possibly this one, may be stopped because of it. */
  take(bytes: number): void
  /** Stops counting this content. Call it once, however the reading ends. */
  leave(): void
}

/** Bytes of memory for a chunk beside its own: content that comes byte by byte takes hundreds of times its length. */
const pieceBytes = 512

/**
 * Limits the memory for incomplete content of all requests in a process. Each content may be as long as `limits.body`
 * and arrive slowly, so a hundred connections would take a hundred times that. When the limit is reached, the reading
 * that holds most is stopped; of several the first. Senders of little content, and of content that arrives at once,
 * are not affected.
 */
export class ContentLimit {
  readonly #most: number
  readonly #readings = new Set<Held>()
  #bytes = 0

  /** @param most bytes of all content; one reading may always have a quarter of it */
  constructor(most: number = fixedLimits.contents) {
    this.#most = most
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Begins a reading.
   *
   * @param limit bytes that this content may have; while it is read, the total limit is at least four times as many
   * @param giveUp called at most once; the reading must stop then
   */
  enter(limit: number, giveUp: () => void): Reading {
    const held: Held = { bytes: 0, giveUp }
    this.#readings.add(held)
    return {
      take: (bytes) => {
        if (!this.#readings.has(held)) return
        held.bytes += bytes + pieceBytes
        this.#bytes += bytes + pieceBytes
        while (this.#bytes > Math.max(this.#most, 4 * limit)) this.#giveUpLargest()
      },
      leave: () => this.#leave(held),
    }
  }

  #giveUpLargest(): void {
    let largest: Held | undefined
    for (const held of this.#readings) {
      if (largest === undefined || held.bytes > largest.bytes) largest = held
    }
    if (largest === undefined) return
    this.#leave(largest)
    largest.giveUp()
  }

  #leave(held: Held): void {
    if (this.#readings.delete(held)) this.#bytes -= held.bytes
  }
}

interface Held {
  bytes: number
  readonly giveUp: () => void
}

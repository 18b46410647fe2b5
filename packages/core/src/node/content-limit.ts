import { fixedLimits } from '../limits.js'

/** A request whose content is being read. */
export interface Reading {
  /** Counts a piece that has arrived. Afterwards some reading may have been given up, this one among them. */
  take(bytes: number): void
  /** Gives the room back; to be called once, however the reading ends. */
  leave(): void
}

/** What a piece takes beside its bytes: content that comes by the byte weighs hundreds of times its length. */
const pieceBytes = 512

/**
 * Bounds what all requests of a process hold together of content that has not arrived completely. Each may be as long as
 * `limits.body` says and take as long as it likes, so a hundred connections would hold a hundred times that. When there
 * is no room left, what is given up is the reading that holds most, and of those that hold as much the one that began
 * first: whoever sends little, or at once, is not made to pay for those who keep a lot waiting.
 */
export class ContentLimit {
  readonly #most: number
  readonly #readings = new Set<Held>()
  #bytes = 0

  /** @param most bytes; a reading may have a quarter of it in any case */
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
   * @param limit bytes that it may have at most; where four times as many are more than the room, that is the room
   * @param giveUp called at most once, and then the reading has to leave
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

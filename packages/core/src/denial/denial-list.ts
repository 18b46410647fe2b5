import { instanceSkew } from '../limits.js'
import { lastWord, say, sayNext, type Word } from '../store/row.js'
import type { Store } from '../store/store.js'
import type { Denial } from './denial.js'

const slots = 1024
const slotKey = (slot: number): string => `deny:slot:${slot}`
/** Said of a slot in place of a denial. */
const free = ''

/**
 * The list of all denials, for people to read. A store cannot list its keys, so the list is a table of numbered slots, each
 * a row of words: without a lock no update is lost, however many operators write at once, and none is undone by one that
 * takes effect late. Requests are not checked against it.
 */
export class DenialList {
  readonly #store: Store
  readonly #clock: () => number
  readonly #seconds: number

  /**
   * @param clock milliseconds, as `Date.now`
   * @param seconds for which a word is kept
   */
  constructor(store: Store, clock: () => number, seconds: number) {
    this.#store = store
    this.#clock = clock
    this.#seconds = seconds
  }

  /** Writes the denial to the first slot that is free or holds the same subject, from a slot computed of its id. */
  async record(denial: Denial): Promise<void> {
    const text = JSON.stringify(denial)
    const first = Buffer.from(denial.id, 'base64url').readUInt16BE(0)
    for (let step = 0; step < slots; step++) {
      const said = await sayNext(this.#store, slotKey((first + step) % slots), (last) => {
        const held = this.#denialIn(last)
        return held === undefined || held.id === denial.id ? [text, this.#seconds] : undefined
      })
      if (said !== undefined) return
    }
    throw new RangeError(
      `denials: ${slots} subjects are denied already, and no more can be listed; remove some first`,
    )
  }

  async erase(id: string): Promise<void> {
    await Promise.all(
      (await this.#slots()).map(async (word, slot) => {
        // Where something else has been said meanwhile, that stands.
        if (this.#denialIn(word)?.id === id) await say(this.#store, slotKey(slot), word, free, this.#seconds)
      }),
    )
  }

  async read(): Promise<readonly Denial[]> {
    const held = (await this.#slots()).map((word) => this.#denialIn(word))
    // Two slots for one subject, where one before the other became free meanwhile: the later word counts.
    const latest = new Map<string, Denial>()
    for (const denial of held.filter((one) => one !== undefined).sort((a, b) => a.since - b.since))
      latest.set(denial.id, denial)
    return [...latest.values()]
  }

  #slots(): Promise<(Word | undefined)[]> {
    return Promise.all(Array.from({ length: slots }, async (_, slot) => lastWord(this.#store, slotKey(slot))))
  }

  /** The denial that is listed in a slot, and in force. */
  #denialIn(word: Word | undefined): Denial | undefined {
    if (word === undefined || word.text === free) return undefined
    // Only this class writes slots.
    const denial = JSON.parse(word.text) as Denial
    return this.#clock() < (denial.until + instanceSkew) * 1000 ? denial : undefined
  }
}

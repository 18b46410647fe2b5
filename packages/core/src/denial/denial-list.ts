import type { Store } from '../store/store.js'
import type { Denial } from './denial.js'

const slots = 1024
const slotKey = (slot: number): string => `deny:slot:${slot}`

/**
 * The list of all denials, for people to read. A store cannot list its keys, so the list is a table of numbered slots that
 * are claimed: without a lock, no update is lost however many operators write at once. Requests are not checked against it.
 */
export class DenialList {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Writes the denial to the first slot that is free or holds the same subject, from a slot computed of its id. */
  async record(denial: Denial, seconds: number): Promise<void> {
    const text = JSON.stringify(denial)
    const first = Buffer.from(denial.id, 'base64url').readUInt16BE(0)
    for (let step = 0; step < slots; step++) {
      const key = slotKey((first + step) % slots)
      if (await this.#store.claim(key, text, seconds)) return
      if (parse(await this.#store.get(key))?.id === denial.id) return this.#store.put(key, text, seconds)
    }
    throw new RangeError(
      `denials: ${slots} subjects are denied already, and no more can be listed; remove some first`,
    )
  }

  async erase(id: string): Promise<void> {
    const held = await this.#slots()
    await Promise.all(
      held.map(async (denial, slot) => (denial?.id === id ? this.#store.delete(slotKey(slot)) : undefined)),
    )
  }

  async read(): Promise<readonly Denial[]> {
    const held = (await this.#slots()).filter((denial) => denial !== undefined)
    // Two slots for one subject, where one before the other became free meanwhile: the later word counts.
    const latest = new Map<string, Denial>()
    for (const denial of held.sort((a, b) => a.since - b.since)) latest.set(denial.id, denial)
    return [...latest.values()]
  }

  #slots(): Promise<(Denial | undefined)[]> {
    return Promise.all(
      Array.from({ length: slots }, async (_, slot) => parse(await this.#store.get(slotKey(slot)))),
    )
  }
}

// Only this class writes slots.
const parse = (text: string | undefined): Denial | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as Denial)

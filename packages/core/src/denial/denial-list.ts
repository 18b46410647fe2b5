import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { latestVersion, type Version, writeNextVersion, writeVersion } from '../store/versions.js'
import type { Denial } from './denial.js'

const slots = 1024
const slotKey = (slot: number): string => `deny:slot:${slot}`
/** The value of a slot without a denial. */
const free = ''

/**
 * The list of all denials, for people to read. A store cannot list its keys, so the list is a table of numbered
 * slots, each kept in versions. So no update is lost without a lock, however many operators write at once, and a late
 * write undoes none. Requests are not checked against it.
 */
export class DenialList {
  readonly #store: Store
  readonly #clock: () => number
  readonly #seconds: number

  /**
   * @param clock milliseconds, as `Date.now`
   * @param seconds that a version is kept
   */
  constructor(store: Store, clock: () => number, seconds: number) {
    this.#store = store
    this.#clock = clock
    this.#seconds = seconds
  }

  /**
   * Writes the denial to the first slot that is free or holds the same subject, starting from a slot derived from its
   * id.
   */
  async record(denial: Denial): Promise<void> {
    const text = JSON.stringify(denial)
    const first = Buffer.from(denial.id, 'base64url').readUInt16BE(0)
    for (let step = 0; step < slots; step++) {
      const written = await writeNextVersion(this.#store, slotKey((first + step) % slots), (latest) => {
        const held = this.#denialIn(latest)
        return held === undefined || held.id === denial.id ? [text, this.#seconds] : undefined
      })
      if (written !== undefined) return
    }
    throw new RangeError(
      `denials: ${slots} subjects are denied already, and no more can be listed; remove some first`,
    )
  }

  async erase(id: string): Promise<void> {
    await Promise.all(
      (await this.#slots()).map(async (version, slot) => {
        // If another version has been written meanwhile, this write loses.
        if (this.#denialIn(version)?.id === id)
          await writeVersion(this.#store, slotKey(slot), version, free, this.#seconds)
      }),
    )
  }

  async read(): Promise<readonly Denial[]> {
    const held = (await this.#slots()).map((version) => this.#denialIn(version))
    // A subject may be in two slots, if an earlier slot became free in between: the later denial counts.
    const latest = new Map<string, Denial>()
    for (const denial of held.filter((one) => one !== undefined).sort((a, b) => a.since - b.since))
      latest.set(denial.id, denial)
    return [...latest.values()]
  }

  #slots(): Promise<(Version | undefined)[]> {
    return Promise.all(
      Array.from({ length: slots }, async (_, slot) => latestVersion(this.#store, slotKey(slot))),
    )
  }

  /** The denial in a slot, if it is in force. */
  #denialIn(version: Version | undefined): Denial | undefined {
    if (version === undefined || version.value === free) return undefined
    // Only this class writes slots.
    const denial = JSON.parse(version.value) as Denial
    return this.#clock() < (denial.until + instanceSkew) * 1000 ? denial : undefined
  }
}

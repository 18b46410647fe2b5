import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { latestVersion, type Version, writeNextVersion, writeVersion } from '../store/versions.js'
import type { Denial } from './denial.js'

const slots = 1024
/** The value of a slot without a denial. */
const free = ''

/** How denials of a kind are stored. */
export interface DenialLifetime {
  /** Before their keys. */
  readonly prefix: string
  /** That a version is kept. */
  readonly seconds: number
}

/**
 * The list of all denials, for people to read. A store cannot list its keys, so the list is a table of numbered
 * slots for each lifetime, each slot kept in versions. So no update is lost without a lock, however many operators
 * write at once, and a late write undoes none. Requests are not checked against it.
 */
export class DenialList {
  readonly #store: Store
  readonly #clock: () => number
  readonly #lifetimes: readonly DenialLifetime[]

  /** @param clock milliseconds, as `Date.now` */
  constructor(store: Store, clock: () => number, lifetimes: readonly DenialLifetime[]) {
    this.#store = store
    this.#clock = clock
    this.#lifetimes = lifetimes
  }

  /**
   * Writes the denial to the first slot that is free or holds the same subject, starting from a slot derived from its
   * id.
   */
  async record(denial: Denial, lifetime: DenialLifetime): Promise<void> {
    const first = Buffer.from(denial.id, 'base64url').readUInt16BE(0)
    for (let step = 0; step < slots; step++) {
      const written = await writeNextVersion(
        this.#store,
        slotKey(lifetime, (first + step) % slots),
        (latest) => {
          const held = this.#denialIn(latest)
          if (held !== undefined && held.id !== denial.id) return undefined
          const until = Math.max(denial.until, held?.until ?? 0)
          return [JSON.stringify({ ...denial, until }), lifetime.seconds]
        },
      )
      if (written !== undefined) return
    }
    throw new RangeError(
      `denials: ${slots} subjects are denied already, and no more can be listed; remove some first`,
    )
  }

  async erase(id: string): Promise<void> {
    await Promise.all(
      this.#slots().map(async ({ lifetime, slot }) => {
        const key = slotKey(lifetime, slot)
        const version = await latestVersion(this.#store, key)
        // If another version has been written meanwhile, this write loses.
        if (this.#denialIn(version)?.id === id)
          await writeVersion(this.#store, key, version, free, lifetime.seconds)
      }),
    )
  }

  async read(): Promise<readonly Denial[]> {
    const found = await Promise.all(
      this.#slots().map(async ({ lifetime, slot }) =>
        this.#denialIn(await latestVersion(this.#store, slotKey(lifetime, slot))),
      ),
    )
    // A subject may be in several slots: the latest denial is shown, until the latest end.
    const latest = new Map<string, Denial>()
    for (const denial of found.filter((one) => one !== undefined).sort((a, b) => a.since - b.since))
      latest.set(denial.id, { ...denial, until: Math.max(denial.until, latest.get(denial.id)?.until ?? 0) })
    return [...latest.values()]
  }

  #slots(): readonly { readonly lifetime: DenialLifetime; readonly slot: number }[] {
    return this.#lifetimes.flatMap((lifetime) =>
      Array.from({ length: slots }, (_, slot) => ({ lifetime, slot })),
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

const slotKey = ({ prefix }: DenialLifetime, slot: number): string => `${prefix}slot:${slot}`

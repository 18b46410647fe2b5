import { randomUUID } from 'node:crypto'
import { z } from '../configuration/schema.js'
import type { Store } from '../store/store.js'
import { type AdoptionRow, type Noted, readRows, Tally } from './tally.js'

/** What routes in report-only mode have seen, of all instances that share a store. */
export interface AdoptionReport {
  /** The most frequent first. Requests for whose agents there was no row left are counted in rows without an agent. */
  readonly rows: readonly AdoptionRow[]
  /** Whether the store gave all it holds. `false`: these are rows of this instance alone, since it last reached the store. */
  readonly complete: boolean
}

/** Counts what report-only routes see, and adds up what all instances have counted. */
export interface Adoption {
  /** Counts one request. Waits for nothing and never throws. */
  note(noted: Noted): void
  /** Never rejects. */
  report(): Promise<AdoptionReport>
  /** Writes what has not been written yet. Never rejects. */
  flush(): Promise<boolean>
}

/** The dependencies of {@link createAdoption}. */
export interface AdoptionContext {
  readonly store: Store
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
}

// A store has no operation over several keys, so that each instance adds to a value of its own: a slot, which is its own
// for as long as it writes. One that ends leaves its slot, counts and all, to the next.
const slots = 64
const leaseSeconds = 300
const keptSeconds = 14 * 86_400
const pauseMilliseconds = 30_000

const leaseKey = (slot: number): string => `adoption:lease:${slot}`
const rowsKey = (slot: number): string => `adoption:rows:${slot}`

const storedSchema = z.object({ batch: z.string(), rows: z.unknown() })

/** Rows on their way to the store. */
interface Batch {
  readonly id: string
  readonly tally: Tally
}

/** Creates the counts of one server. */
export function createAdoption({ store, clock, monotonic }: AdoptionContext): Adoption {
  const instance = randomUUID()
  let fresh = new Tally()
  let batch: Batch | undefined
  let slot: number | undefined
  let since = monotonic()
  let flushing: Promise<boolean> | undefined

  const seconds = (): number => clock() / 1000

  const flush = (): Promise<boolean> => {
    flushing ??= write().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  const write = async (): Promise<boolean> => {
    since = monotonic()
    try {
      // What was tried before goes first, and alone: nobody knows whether it was written.
      while (batch !== undefined || !fresh.isEmpty) {
        batch ??= take()
        const own = await ownSlot()
        if (own === undefined) return false
        await addTo(own, batch)
        batch = undefined
      }
      return true
    } catch {
      // Whoever watches the store has reported it. What was counted stays here, within the bound of a tally.
      return false
    }
  }

  const take = (): Batch => {
    const taken = { id: randomUUID(), tally: fresh }
    fresh = new Tally()
    return taken
  }

  const addTo = async (own: number, { id, tally }: Batch): Promise<void> => {
    const stored = parse(await store.get(rowsKey(own)))
    if (stored.batch === id) return
    const sum = new Tally()
    sum.merge(stored.tally, seconds() - keptSeconds)
    sum.merge(tally)
    await store.put(rowsKey(own), JSON.stringify({ batch: id, rows: sum.rows() }), keptSeconds)
  }

  const ownSlot = async (): Promise<number | undefined> => {
    if (slot !== undefined && (await store.get(leaseKey(slot))) === instance) {
      await store.put(leaseKey(slot), instance, leaseSeconds)
      return slot
    }
    slot = undefined
    for (let free = 0; free < slots; free++) {
      const isOurs = await store.claim(leaseKey(free), instance, leaseSeconds)
      // A claim that failed may have taken effect all the same.
      if (isOurs || (await store.get(leaseKey(free))) === instance) {
        slot = free
        return free
      }
    }
    return undefined
  }

  const readAll = async (): Promise<Tally> => {
    const values = await Promise.all(Array.from({ length: slots }, async (_, n) => store.get(rowsKey(n))))
    const sum = new Tally()
    for (const value of values) sum.merge(parse(value).tally, seconds() - keptSeconds)
    return sum
  }

  return {
    note(noted) {
      fresh.note(noted)
      if (monotonic() - since >= pauseMilliseconds) void flush()
    },

    async report() {
      const isWritten = await flush()
      const stored = await readAll().catch(() => undefined)
      const sum = stored ?? new Tally()
      // What is on its way may have arrived; until that is known it is counted here only if the store gave nothing.
      if (batch !== undefined && !isWritten && stored === undefined) sum.merge(batch.tally)
      if (!isWritten) sum.merge(fresh)
      return { rows: sum.rows(), complete: isWritten && stored !== undefined }
    },

    flush,
  }
}

function parse(value: string | undefined): { readonly batch: string | undefined; readonly tally: Tally } {
  const stored = value === undefined ? undefined : storedSchema.safeParse(parseJson(value))
  return stored?.success === true
    ? { batch: stored.data.batch, tally: readRows(stored.data.rows) }
    : { batch: undefined, tally: new Tally() }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

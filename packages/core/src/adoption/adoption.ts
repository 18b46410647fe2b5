import { randomUUID } from 'node:crypto'
import { z } from '../configuration/schema.js'
import type { Store } from '../store/store.js'
import { createSlot, slots } from './slot.js'
import { type AdoptionRow, type Noted, readRows, Tally } from './tally.js'

/** What report-only routes have seen at all instances that share a store. */
export interface AdoptionReport {
  /** The most frequent first. Requests of agents for which there was no room are counted in rows without an agent. */
  readonly rows: readonly AdoptionRow[]
  /**
   * Whether the store returned everything. `false`: the rows are this instance's alone, since it last reached the
   * store.
   */
  readonly complete: boolean
}

/** Counts what report-only routes see, and adds up the counts of all instances. */
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

const keptSeconds = 14 * 86_400
const pauseMilliseconds = 30_000

const rowsKey = (slot: number): string => `adoption:rows:${slot}`

const storedSchema = z.object({ batch: z.string(), rows: z.unknown() })

/** Rows on their way to the store. */
interface Batch {
  readonly id: string
  readonly tally: Tally
}

/** Creates the counts of one server. */
export function createAdoption({ store, clock, monotonic }: AdoptionContext): Adoption {
  const ownSlot = createSlot(store)
  let fresh = new Tally()
  let batch: Batch | undefined
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
      // An earlier attempt goes first, and alone: it may or may not have been written.
      while (batch !== undefined || !fresh.isEmpty) {
        batch ??= take()
        const own = await ownSlot()
        if (own === undefined) return false
        await addTo(own, batch)
        batch = undefined
      }
      return true
    } catch {
      // The watched store has reported the failure. The counts stay here, within the bound of a tally.
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
      // The batch may have been written. Until that is known, it is counted here only if the store returned nothing.
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

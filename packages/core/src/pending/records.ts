import { sealCaller } from '../caller.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import type { Ending, PendingRecord, Settlement } from './record.js'
import type { Room } from './room.js'

/**
 * Pending requests in the store. A record never changes; what becomes of it stands in entries of its own that are
 * claimed, so that of two processes that decide, end or carry out a request at once exactly one succeeds.
 */
export interface PendingRecords {
  add(record: PendingRecord): Promise<void>
  find(id: string): Promise<PendingRecord | undefined>
  /** The id behind an interaction page. */
  behind(interaction: string): Promise<string | undefined>
  /** Whether this settlement is the one that counts. */
  settle(record: PendingRecord, settlement: Settlement): Promise<boolean>
  settlement(record: PendingRecord): Promise<Settlement | undefined>
  /** Whether this call is the one that ends the request, or begins to carry it out. What waited with it is dropped. */
  end(record: PendingRecord, ending: Ending): Promise<boolean>
  /** Ends the request for whoever made it, and gives back what it took. Whether this call is the one. */
  cancel(record: PendingRecord): Promise<boolean>
  /** Replaces the ending by whoever claimed it; `keep` is in milliseconds, where it has to be known until then. */
  conclude(record: PendingRecord, ending: Ending, keep?: number): Promise<void>
  ending(record: PendingRecord): Promise<Ending | undefined>
  /** A note beside a record, or replacing one: kept as long as the record, or until `keep` in milliseconds. */
  note(record: PendingRecord, name: string, value: unknown, keep?: number): Promise<void>
  /** Writes a note unless there is one. */
  claim(record: PendingRecord, name: string, value: unknown): Promise<boolean>
  read(record: PendingRecord, name: string): Promise<unknown>
}

/** Notes of no more characters go with the room of their record: that a call is over is written down in any case. */
const smallNote = 512

/**
 * What a store keeps beside a record: where its page leads to, whom it was begun for, who has come, what was decided, how
 * it ended, each with what an entry takes. So the records that the default room holds leave the default memory store,
 * which counts entries, room for everything else.
 */
const besideRecord = 7 * 512

/** Whoever called a request off knows that it is gone, so its URL need not say so for long. */
const cancelledMs = 60_000

/** What pending requests are kept with. */
export interface RecordParts {
  /** Our identifier. */
  readonly resource: string
  readonly store: Store
  readonly room: Room
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

export function createPendingRecords({ resource, store, room, clock }: RecordParts): PendingRecords {
  const key = (record: PendingRecord, name: string): string => `pending:${record.id}:${name}`
  const ttl = (until: number): number => Math.max(1, Math.ceil((until - clock()) / 1000))
  // An instance whose clock is ahead must not write what is forgotten before the record that another has written.
  const noteTtl = (until: number): number => ttl(until + (instanceSkew + 1) * 1000)
  const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
  const read = async (record: PendingRecord, name: string): Promise<unknown> =>
    parse(await store.get(key(record, name)))
  const claim = async (record: PendingRecord, name: string, value: unknown): Promise<boolean> =>
    store.claim(key(record, name), JSON.stringify(value), noteTtl(record.forgotten))
  const note = async (
    record: PendingRecord,
    name: string,
    value: unknown,
    keep = record.forgotten,
  ): Promise<void> => {
    const text = JSON.stringify(value)
    if (text.length > smallNote)
      room.take(record.caller.token.iss, text.length, noteTtl(keep), key(record, name))
    await store.put(key(record, name), text, noteTtl(keep))
  }
  /** Leaves of a record what its URL needs; `until` in milliseconds. */
  const empty = async (record: PendingRecord, until: number): Promise<void> => {
    const text = JSON.stringify(withoutCall(record))
    await store.put(`pending:${record.id}`, text, ttl(until))
    room.shrink(record.id, text.length + besideRecord, ttl(until))
  }
  return {
    async add(record) {
      const life = ttl(record.forgotten)
      const text = JSON.stringify(record)
      room.take(record.caller.token.iss, text.length + besideRecord, life, record.id)
      await store.put(`pending:${record.id}`, text, life)
      if (record.interaction !== undefined)
        await store.put(`interaction:${record.interaction.id}`, record.id, life)
    },
    async find(id) {
      const record = parse(await store.get(`pending:${id}`)) as PendingRecord | undefined
      if (record?.resource !== resource) return undefined
      // It was verified before it was written, and only we write here.
      return { ...record, caller: sealCaller(record.caller) }
    },
    behind: async (interaction) => store.get(`interaction:${interaction}`),
    settle: (record, settlement) => claim(record, 'settled', settlement),
    settlement: async (record) => (await read(record, 'settled')) as Settlement | undefined,
    async end(record, ending) {
      if (!(await claim(record, 'ended', ending))) return false
      if (ending.state === 'running' || record.call === undefined) return true
      // It has ended all the same where this cannot be written; then the record goes in its time.
      await empty(record, record.forgotten).catch(() => {})
      return true
    },
    async cancel(record) {
      const ending: Ending = { state: 'ended' }
      if (!(await claim(record, 'ended', ending))) return false
      const soon = Math.min(record.forgotten, clock() + cancelledMs)
      await empty(record, soon)
      room.giveBack(record.id)
      if (record.interaction !== undefined) await store.delete(`interaction:${record.interaction.id}`)
      // Last, and for longer than the record: what has been called off must never be found without its ending.
      await store.put(key(record, 'ended'), JSON.stringify(ending), ttl(soon) + cancelledMs / 1000)
      return true
    },
    async conclude(record, ending, keep = 0) {
      // A record is forgotten with its ending: a URL is `410` as long as it is known at all. What was to be carried out
      // is not needed any more, nor the credentials in it.
      const forgotten = Math.max(record.forgotten, keep)
      await note(record, 'ended', ending, forgotten)
      await empty(record, forgotten)
    },
    ending: async (record) => (await read(record, 'ended')) as Ending | undefined,
    note,
    claim,
    read,
  }
}

function withoutCall(record: PendingRecord): PendingRecord {
  const { call } = record
  if (call === undefined) return record
  const { method, target } = call.held
  return { ...record, call: { ...call, held: { method, target, rawHeaders: [], content: '', peer: {} } } }
}

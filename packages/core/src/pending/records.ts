import { sealCaller } from '../caller.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import type { Ending, PendingRecord, Settlement } from './record.js'
import type { StoredBytes } from './stored-bytes.js'

/**
 * Pending requests in the store. A record never changes. Its settlement, its ending and other notes are entries of their
 * own that are claimed, so that of two processes that decide, end or carry out a request at once exactly one succeeds.
 */
export interface PendingRecords {
  /** Stores a new request. @throws StoreError `full` when its bytes are over the limit */
  add(record: PendingRecord): Promise<void>
  /** The request with this id, unless another resource stored it. */
  find(id: string): Promise<PendingRecord | undefined>
  /** The pending id that belongs to the id of an interaction page. */
  behind(interaction: string): Promise<string | undefined>
  /** Settles a request. @returns whether this settlement is the first, which counts */
  settle(record: PendingRecord, settlement: Settlement): Promise<boolean>
  /** How a request was settled; `undefined` when it has not been. */
  settlement(record: PendingRecord): Promise<Settlement | undefined>
  /**
   * Ends a request, or claims its call to carry it out. The content of a held call is removed from the store when the
   * request ends.
   *
   * @returns whether this is the first call to do so, which counts
   */
  end(record: PendingRecord, ending: Ending): Promise<boolean>
  /** Ends a request at the wish of its agent; its bytes are free at once. @returns as {@link end} */
  cancel(record: PendingRecord): Promise<boolean>
  /**
   * Replaces the ending that this process has claimed.
   *
   * @param keep milliseconds: until when it has to be known, if longer than the record
   */
  conclude(record: PendingRecord, ending: Ending, keep?: number): Promise<void>
  /**
   * Gives back the claim on a call of which nothing has begun: the request waits as before. Where a store does it late, or a
   * client once more, that gives back no claim that was made after it.
   *
   * @param name of the claim
   */
  giveBack(record: PendingRecord, name: string): Promise<void>
  /**
   * Settles that a call is lost whose claim has lasted too long: a giving back that takes effect later gives back nothing.
   *
   * @returns whether it is; otherwise it was given back after all
   */
  lose(record: PendingRecord, lost: Ending): Promise<boolean>
  /** How a request ended; `undefined` when it has not. */
  ending(record: PendingRecord): Promise<Ending | undefined>
  /**
   * Writes or replaces a note of a record.
   *
   * @param keep milliseconds: until when it is kept. Default: as long as the record
   */
  note(record: PendingRecord, name: string, value: unknown, keep?: number): Promise<void>
  /** Writes a note of a record unless there is one. @returns whether it was written */
  claim(record: PendingRecord, name: string, value: unknown): Promise<boolean>
  /** The note of this name; `undefined` when there is none. */
  read(record: PendingRecord, name: string): Promise<unknown>
}

/** Notes of no more characters are not counted by themselves, so that an ending is stored even where the limit is reached. */
const smallNote = 512

/**
 * Bytes that a store keeps beside a record: the page's id, the tokens it was begun with, the browser that has come, the
 * settlement, the ending, each an entry. They are counted with it, so that the records within the default limit leave room
 * in the default memory store, which counts entries.
 */
const besideRecord = 7 * 512

/** How long a cancelled request is remembered: its agent knows that it is gone. */
const cancelledMs = 60_000

/** In place of an ending: the claim of this name was given back. Of all later claims one succeeds, under `after:<name>`. */
interface GivenBack {
  readonly state: 'given-back'
  readonly name: string
}

/** What the records of pending requests depend on. */
export interface RecordsContext {
  /** Our identifier. */
  readonly resource: string
  readonly store: Store
  readonly storedBytes: StoredBytes
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

/** Creates the access to pending requests in a store. */
export function createPendingRecords({
  resource,
  store,
  storedBytes,
  clock,
}: RecordsContext): PendingRecords {
  const key = (record: PendingRecord, name: string): string => `pending:${record.id}:${name}`
  const ttl = (until: number): number => Math.max(1, Math.ceil((until - clock()) / 1000))
  // Where this instance's clock is ahead, its notes must not expire before the record that another instance has written.
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
      storedBytes.take(record.caller.token.iss, text.length, noteTtl(keep), key(record, name))
    await store.put(key(record, name), text, noteTtl(keep))
  }
  const after = (name: string): string => `after:${name}`
  const ended = async (record: PendingRecord): Promise<Ending | GivenBack | undefined> =>
    (await read(record, 'ended')) as Ending | GivenBack | undefined
  const claimEnd = async (record: PendingRecord, ending: Ending): Promise<boolean> => {
    if (await claim(record, 'ended', ending)) return true
    const before = await ended(record)
    if (before?.state !== 'given-back') return false
    // A claim of its own for each giving back, and never a deletion: one that takes effect late would undo a claim.
    return claim(record, after(before.name), ending)
  }
  /** Replaces a record by what its URL still needs; `until` in milliseconds. */
  const empty = async (record: PendingRecord, until: number): Promise<void> => {
    const text = JSON.stringify(withoutCall(record))
    await store.put(`pending:${record.id}`, text, ttl(until))
    storedBytes.shrink(record.id, text.length + besideRecord, ttl(until))
  }
  return {
    async add(record) {
      const life = ttl(record.forgotten)
      const text = JSON.stringify(record)
      storedBytes.take(record.caller.token.iss, text.length + besideRecord, life, record.id)
      await store.put(`pending:${record.id}`, text, life)
      if (record.interaction !== undefined)
        await store.put(`interaction:${record.interaction.id}`, record.id, life)
    },
    async find(id) {
      const record = parse(await store.get(`pending:${id}`)) as PendingRecord | undefined
      if (record?.resource !== resource) return undefined
      // It was verified before it was written, and only this server writes these entries.
      return { ...record, caller: sealCaller(record.caller) }
    },
    behind: async (interaction) => store.get(`interaction:${interaction}`),
    settle: (record, settlement) => claim(record, 'settled', settlement),
    settlement: async (record) => (await read(record, 'settled')) as Settlement | undefined,
    async end(record, ending) {
      if (!(await claimEnd(record, ending))) return false
      if (ending.state === 'running' || record.call === undefined) return true
      // The request has ended even if this fails; the record then stays until it expires.
      await empty(record, record.forgotten).catch(() => {})
      return true
    },
    async cancel(record) {
      const ending: Ending = { state: 'ended' }
      if (!(await claimEnd(record, ending))) return false
      const soon = Math.min(record.forgotten, clock() + cancelledMs)
      await empty(record, soon)
      storedBytes.giveBack(record.id)
      if (record.interaction !== undefined) await store.delete(`interaction:${record.interaction.id}`)
      // Last, and for longer than the record: a cancelled request must never be found without its ending.
      await store.put(key(record, 'ended'), JSON.stringify(ending), ttl(soon) + cancelledMs / 1000)
      return true
    },
    async conclude(record, ending, keep = 0) {
      // The record is kept as long as its ending, so that its URL answers `410` until both are gone. The held call is not
      // needed any more, nor are the credentials in it.
      const forgotten = Math.max(record.forgotten, keep)
      await note(record, 'ended', ending, forgotten)
      await empty(record, forgotten)
    },
    async giveBack(record, name) {
      const givenBack: GivenBack = { state: 'given-back', name }
      await store.put(key(record, 'ended'), JSON.stringify(givenBack), noteTtl(record.forgotten))
    },
    async lose(record, { name }) {
      return (
        name === undefined ||
        (await claim(record, after(name), lost)) ||
        isLost(await read(record, after(name)))
      )
    },
    async ending(record) {
      const found = await ended(record)
      return found?.state === 'given-back'
        ? ((await read(record, after(found.name))) as Ending | undefined)
        : found
    },
    note,
    claim,
    read,
  }
}

/** Of a call that is lost nothing is known but that it has ended. */
const lost: Ending = { state: 'ended' }
const isLost = (after: unknown): boolean => (after as Ending | undefined)?.state === 'ended'

function withoutCall(record: PendingRecord): PendingRecord {
  const { call } = record
  if (call === undefined) return record
  const { method, target } = call.held
  const { chain: _, ...rest } = call
  return { ...record, call: { ...rest, held: { method, target, rawHeaders: [], content: '', peer: {} } } }
}

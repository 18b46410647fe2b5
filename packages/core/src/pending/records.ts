import { sealCaller } from '../caller.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import { headOf, latestVersion, type Version, writeNextVersion, writeVersion } from '../store/versions.js'
import type { Ending, PendingRecord, Settlement } from './record.js'
import type { StoredBytes } from './stored-bytes.js'

/**
 * Pending requests in the store. A record never changes. Its settlement, its ending and other notes are separate
 * entries that are claimed, so that exactly one succeeds of two processes that decide, end or carry out a request at
 * the same time. The ending is kept in versions ({@link latestVersion}): a claim may be given back and made again,
 * and a late write gives back no claim that was made after it.
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
  /** Ends a request that its agent cancels; its bytes are free at once. @returns as {@link end} */
  cancel(record: PendingRecord): Promise<boolean>
  /**
   * Replaces the ending that this process has claimed.
   *
   * @param keep milliseconds; how long it must be known, if longer than the record
   */
  conclude(record: PendingRecord, ending: Ending, keep?: number): Promise<void>
  /**
   * Gives back the claim on a call that has not begun: the request waits as before.
   *
   * @param name of the claim
   */
  giveBack(record: PendingRecord, name: string): Promise<void>
  /**
   * Records that a call is lost, because its claim has lasted too long. The claim can then no longer be given back.
   *
   * @returns whether the call is lost; otherwise its claim was given back after all, or it has ended
   */
  lose(record: PendingRecord, lost: Ending): Promise<boolean>
  /** How a request ended; `undefined` when it has not. */
  ending(record: PendingRecord): Promise<Ending | undefined>
  /**
   * Writes or replaces a note of a record.
   *
   * @param keep milliseconds; the time until which it is kept. Default: as long as the record
   */
  note(record: PendingRecord, name: string, value: unknown, keep?: number): Promise<void>
  /** Writes a note of a record unless there is one. @returns whether it was written */
  claim(record: PendingRecord, name: string, value: unknown): Promise<boolean>
  /** The note of this name; `undefined` when there is none. */
  read(record: PendingRecord, name: string): Promise<unknown>
}

/** Shorter notes are not counted individually, so that an ending can be stored even when the limit is reached. */
const smallNote = 512

/**
 * Bytes of the entries that belong to a record: the page's id, the tokens it was begun with, the browser that has
 * come, the settlement, the ending. They are counted with it, so that the records within the default limit leave room
 * in the default memory store, which counts entries.
 */
const besideRecord = 7 * 512

/** Milliseconds that a cancelled request is remembered; its agent knows that it is gone. */
const cancelledMs = 60_000

/** The result of a record: its ending, that a claim on it was given back, or that its call is lost. */
type Outcome = Ending | { readonly state: 'given-back' } | { readonly state: 'lost'; readonly claim: Ending }

/** The context of the records of pending requests. */
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
  // If this instance's clock is ahead, its notes must not expire before a record written by another instance.
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
  const ended = (record: PendingRecord): string => key(record, 'ended')
  /** Writes the next version of the result of a record. */
  const writeEnd = (
    record: PendingRecord,
    next: (latest: Outcome | undefined) => Outcome | undefined,
    keep = record.forgotten,
  ): Promise<Version | undefined> =>
    writeNextVersion(store, ended(record), (latest) => {
      const outcome = next(outcomeIn(latest))
      return outcome === undefined ? undefined : [JSON.stringify(outcome), noteTtl(keep)]
    })
  const claimEnd = async (record: PendingRecord, ending: Ending): Promise<Version | undefined> => {
    const text = JSON.stringify(ending)
    const first = await writeVersion(store, ended(record), undefined, text, noteTtl(record.forgotten))
    if (first !== undefined) return first
    let own: Version | undefined
    const written = await writeNextVersion(store, ended(record), (latest) => {
      const outcome = outcomeIn(latest)
      // A client may have sent it again, and been told that it is taken.
      if (ending.name !== undefined && isClaim(outcome, ending.name)) own = latest
      return outcome === undefined || outcome.state === 'given-back'
        ? [text, noteTtl(record.forgotten)]
        : undefined
    })
    return written ?? own
  }
  /** Reduces a record to what its URL still needs; `until` in milliseconds. */
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
      if ((await claimEnd(record, ending)) === undefined) return false
      if (ending.state === 'running' || record.call === undefined) return true
      // The request has ended even if this fails; the record then stays until it expires.
      await empty(record, record.forgotten).catch(() => {})
      return true
    },
    async cancel(record) {
      const ending: Ending = { state: 'ended' }
      const version = await claimEnd(record, ending)
      if (version === undefined) return false
      const soon = Math.min(record.forgotten, clock() + cancelledMs)
      await empty(record, soon)
      storedBytes.giveBack(record.id)
      // IDs are random and never used twice, so a late deletion can remove nothing else.
      if (record.interaction !== undefined) await store.delete(`interaction:${record.interaction.id}`)
      // Last, and for longer than the record: a cancelled request must never be found without its ending.
      await store.put(ended(record), headOf(version), ttl(soon) + cancelledMs / 1000)
      return true
    },
    async conclude(record, ending, keep = 0) {
      // The record is kept as long as its ending, so that its URL answers `410` until both are gone. The held call
      // and the credentials in it are no longer needed.
      const forgotten = Math.max(record.forgotten, keep)
      await writeEnd(record, () => ending, forgotten)
      await empty(record, forgotten)
    },
    async giveBack(record, name) {
      await writeEnd(record, (latest) => (isClaim(latest, name) ? { state: 'given-back' } : undefined))
    },
    async lose(record, claimed) {
      const { name } = claimed
      let isLost = name === undefined
      const written = await writeEnd(record, (latest) => {
        isLost ||= latest?.state === 'lost' && latest.claim.name === name
        return name !== undefined && isClaim(latest, name) ? { state: 'lost', claim: claimed } : undefined
      })
      return isLost || written !== undefined
    },
    async ending(record) {
      const outcome = outcomeIn(await latestVersion(store, ended(record)))
      if (outcome === undefined || outcome.state === 'given-back') return undefined
      return outcome.state === 'lost' ? outcome.claim : outcome
    },
    note,
    claim,
    read,
  }
}

const outcomeIn = (version: Version | undefined): Outcome | undefined =>
  version === undefined ? undefined : (JSON.parse(version.value) as Outcome)
const isClaim = (outcome: Outcome | undefined, name: string): boolean =>
  outcome?.state === 'running' && outcome.name === name

function withoutCall(record: PendingRecord): PendingRecord {
  const { call } = record
  if (call === undefined) return record
  const { method, target } = call.held
  const { chain: _, ...rest } = call
  return { ...record, call: { ...rest, held: { method, target, rawHeaders: [], content: '', peer: {} } } }
}

import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { Report } from '../events.js'
import { isUser } from '../identifiers.js'
import type { Question } from './answers.js'
import type { LongPolls } from './long-polls.js'
import type { PendingSettings } from './options.js'
import type { Approval, Approved, NotApproved, PendingRecord, Settlement } from './record.js'
import type { PendingRecords } from './records.js'
import type { Stops } from './stops.js'
import { type PendingView, viewOf } from './view.js'

/** The application's decisions about pending requests. Every method works in any process that shares the store. */
export interface Pending {
  /**
   * A request that is still pending; `undefined` if there is none with this id, or it was decided, ended or revoked.
   */
  find(id: string): Promise<PendingView | undefined>
  /**
   * Approves a request. The agent's next poll carries the call out, or gets its session.
   *
   * @returns `false` if there is nothing to decide: the request is unknown, expired, cancelled or already decided, or
   * somebody it was begun for has been revoked or denied since; also if `by` says who may approve and `user` is not
   * among them
   * @throws TypeError when an approval begins a session and no `user` is named, or `user` is blank
   */
  approve(id: string, approval?: Approval): Promise<boolean>
  /** Refuses a request: the agent's next poll is answered `403 denied`. @returns as `approve` */
  deny(id: string): Promise<boolean>
  /**
   * Asks the agent's user a question (AAuth 7.5), once for each request. Requires the option `pending.clarification`,
   * and an agent that has declared the capability `clarification`.
   *
   * @returns `false` if the question cannot be asked
   */
  clarify(id: string, question: Question): Promise<boolean>
  /** The answer to the question: untrusted text; `undefined` until there is one. */
  clarification(id: string): Promise<string | undefined>
}

/** The context of settling a request. */
export interface SettleContext {
  readonly records: PendingRecords
  readonly longPolls: LongPolls
  readonly stops: Stops
  readonly settings: PendingSettings
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  readonly report: Report
}

/** A decision about a pending request, before its time is added. */
export type Decision = NotApproved | (Approval & { readonly outcome: 'approved' })

/** Settles a request and answers its long polls. @returns whether this decision is the first, which counts */
export async function settle(
  record: PendingRecord,
  decision: Decision,
  context: SettleContext,
): Promise<boolean> {
  const settlement = decision.outcome === 'approved' ? await date(record, decision, context) : decision
  if (!(await context.records.settle(record, settlement))) return false
  context.report({ name: 'settled', outcome: settlement.outcome })
  context.longPolls.wake(record.id)
  return true
}

/** How a request was settled. An expired one is settled as `expired` here. */
export async function settlementOf(
  record: PendingRecord,
  context: SettleContext,
): Promise<Settlement | undefined> {
  const settlement = await context.records.settlement(record)
  if (settlement !== undefined || context.clock() < record.expires) return settlement
  const expired: Settlement = { outcome: 'expired' }
  return (await settle(record, expired, context)) ? expired : context.records.settlement(record)
}

/**
 * Adds the time of an approval. It counts from now, however late its answer is fetched: a revocation from now on
 * revokes it, too.
 */
async function date(
  record: PendingRecord,
  approval: Approval & { readonly outcome: 'approved' },
  { stops, clock }: SettleContext,
): Promise<Approved> {
  return { ...approval, at: clock(), marks: await stops.marks(record, approval.user) }
}

/** Creates the application's decisions. */
export function createPending(context: SettleContext): Pending {
  const { records, clock, settings } = context
  const open = async (id: string): Promise<PendingRecord | undefined> => {
    const record = isPendingId(id) ? await records.find(id) : undefined
    // Decisions of other parties are not the application's to make.
    const isOurs = record?.requirement !== 'auth-token' && record?.chained !== true && record?.link !== true
    if (record === undefined || !isOurs || record.expires <= clock()) return undefined
    const { stops } = context
    const over =
      (await records.settlement(record)) ?? (await records.ending(record)) ?? (await stops.find(record))
    return over === undefined ? record : undefined
  }
  return {
    async find(id) {
      const record = await open(id)
      return record === undefined ? undefined : viewOf(record)
    },
    async approve(id, given = {}) {
      const { user, data } = checkArgument(approvalSchema, given, 'pending.approve: ')
      if (user !== undefined && !isUser(user)) throw new TypeError('pending.approve: user must be a name')
      const record = await open(id)
      if (record === undefined) return false
      if (record.session !== undefined && user === undefined)
        throw new TypeError('pending.approve: this approval begins a session, so it needs { user }')
      const by = record.interaction?.by
      if (by !== undefined && (user === undefined || !by.includes(user))) return false
      return settle(record, { outcome: 'approved', user, data }, context)
    },
    async deny(id) {
      const record = await open(id)
      return record !== undefined && settle(record, { outcome: 'denied' }, context)
    },
    async clarify(id, question) {
      const record = settings.clarification ? await open(id) : undefined
      return record?.clarification === true && records.claim(record, 'question', question)
    },
    async clarification(id) {
      const record = isPendingId(id) ? await records.find(id) : undefined
      return record === undefined
        ? undefined
        : ((await records.read(record, 'answered')) as string | undefined)
    },
  }
}

// A misspelt `user` would approve in nobody's name.
const approvalSchema = z.strictObject({
  user: z.custom<string | undefined>(() => true).optional(),
  data: z.unknown().optional(),
})

/** Whether a string has the form of a pending id; nothing else is ever looked up. */
export function isPendingId(id: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(id)
}

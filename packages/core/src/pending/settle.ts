import type { Report } from '../events.js'
import { isUser } from '../identifiers.js'
import type { Question } from './answers.js'
import type { Waits } from './long-polls.js'
import type { PendingSettings } from './options.js'
import type { Approval, Approved, NotApproved, PendingRecord, Settlement } from './record.js'
import type { PendingRecords } from './records.js'
import type { Stops } from './stops.js'
import { type PendingView, viewOf } from './view.js'

/** How the application decides requests that wait. Every method works from any process that shares the store. */
export interface Pending {
  /** A request that still waits; `undefined` when there is none of that id, or it has been decided, ended or stopped. */
  find(id: string): Promise<PendingView | undefined>
  /**
   * Approves. The agent's next poll carries the call out, or gets its session.
   *
   * @returns `false` when there was nothing left to decide: unknown, expired, cancelled, decided before, or begun for
   * somebody who has been stopped meanwhile; or when `by` says who may approve, and `user` is not among them
   * @throws TypeError when the request ends in a session and no `user` is named, or `user` is blank
   */
  approve(id: string, approval?: Approval): Promise<boolean>
  /** Refuses: the agent's next poll is answered `403 denied`. Returns as `approve` does. */
  deny(id: string): Promise<boolean>
  /**
   * Puts a question to the agent's user (AAuth 7.5). Only with the option `pending.clarification`, and only to an agent
   * that declared the capability.
   *
   * @returns `false` when it cannot be asked
   */
  clarify(id: string, question: Question): Promise<boolean>
  /** What was answered; untrusted text. `undefined` until then. */
  clarification(id: string): Promise<string | undefined>
}

export interface SettleContext {
  readonly records: PendingRecords
  readonly waits: Waits
  readonly stops: Stops
  readonly settings: PendingSettings
  readonly clock: () => number
  readonly report: Report
}

/** What was decided. */
export type Decision = NotApproved | (Approval & { readonly outcome: 'approved' })

/** Settles a request and wakes the agent that waits for it. */
export async function settle(
  record: PendingRecord,
  decision: Decision,
  context: SettleContext,
): Promise<boolean> {
  const settlement = decision.outcome === 'approved' ? await date(record, decision, context) : decision
  if (!(await context.records.settle(record, settlement))) return false
  context.report({ name: 'settled', outcome: settlement.outcome })
  context.waits.wake(record.id)
  return true
}

/** How the request was decided; one whose time is up is thereby decided. */
export async function settlementOf(
  record: PendingRecord,
  context: SettleContext,
): Promise<Settlement | undefined> {
  const settlement = await context.records.settlement(record)
  if (settlement !== undefined || context.clock() < record.expires) return settlement
  const expired: Settlement = { outcome: 'expired' }
  return (await settle(record, expired, context)) ? expired : context.records.settlement(record)
}

/** An approval counts from now, however late it is fetched: whatever is ended from now on ends it, too. */
async function date(
  record: PendingRecord,
  approval: Approval & { readonly outcome: 'approved' },
  { stops, clock }: SettleContext,
): Promise<Approved> {
  return { ...approval, at: clock(), marks: await stops.marks(record, approval.user) }
}

export function createPending(context: SettleContext): Pending {
  const { records, clock, settings } = context
  const open = async (id: string): Promise<PendingRecord | undefined> => {
    const record = isPendingId(id) ? await records.find(id) : undefined
    if (record === undefined || record.requirement === 'auth-token' || record.expires <= clock())
      return undefined
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
    async approve(id, { user, data } = {}) {
      if (user !== undefined && !isUser(user)) throw new TypeError('pending.approve: user must be a name')
      const record = await open(id)
      if (record === undefined) return false
      if (record.session !== undefined && user === undefined)
        throw new TypeError('pending.approve: a session needs a user')
      const by = record.interaction?.by
      if (by !== undefined && (user === undefined || !by.includes(user))) return false
      const who = { ...(user === undefined ? {} : { user }), ...(data === undefined ? {} : { data }) }
      return settle(record, { outcome: 'approved', ...who }, context)
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

/** Whether a string can be one of our ids: nothing else is ever looked up. */
export function isPendingId(id: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(id)
}

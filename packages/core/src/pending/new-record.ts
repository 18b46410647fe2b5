import { randomBytes } from 'node:crypto'
import { type Origin, originOf, type TokenCaller, withoutUser } from '../caller.js'
import { readCapabilities } from '../http/capabilities.js'
import type { Carried, HttpRequest } from '../http/message.js'
import { newCode } from './code.js'
import type { PendingSettings } from './options.js'
import type { PendingInteraction, PendingRecord } from './record.js'
import type { Stops } from './stops.js'

/** The context of a new pending request. */
export interface NewRecordContext {
  /** Our identifier. */
  readonly resource: string
  readonly settings: Pick<PendingSettings, 'lifetime' | 'retention' | 'clarification'>
  readonly stops: Pick<Stops, 'mark'>
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

/** The origin of a pending request. */
export interface RecordSource {
  /** Absent if no request waits for it. */
  readonly request?: HttpRequest
  readonly caller: TokenCaller
  /** The held call that it continues. */
  readonly carried?: Carried | undefined
}

/** The members of a record that say what it waits for. */
export type RecordDetails = Pick<
  PendingRecord,
  'requirement' | 'call' | 'interaction' | 'session' | 'chained' | 'link'
>

/** A new pending request of this caller. */
export async function newRecord(
  { request, caller, carried }: RecordSource,
  { resource, settings, stops, clock }: NewRecordContext,
  details: RecordDetails,
): Promise<PendingRecord> {
  const opened = clock()
  const latest = opened + settings.lifetime * 1000
  // Whatever is begun for a token ends with it.
  const expires = details.chained === true ? Math.min(latest, caller.token.exp * 1000) : latest
  const capabilities = request === undefined ? undefined : readCapabilities(request.rawHeaders)
  return {
    id: randomBytes(32).toString('base64url'),
    resource,
    jkt: caller.jkt,
    caller: withoutUser(caller),
    origins: distinct([...(carried?.origins ?? []), await stops.mark(originOf(caller))]),
    opened,
    expires,
    forgotten: expires + settings.retention * 1000,
    clarification: settings.clarification && capabilities?.has('clarification') === true,
    ...details,
  }
}

/** A new page with these details. */
export function newInteraction({
  scope,
  description,
  by,
  lasting,
}: Pick<PendingInteraction, 'scope' | 'description' | 'by' | 'lasting'>): PendingInteraction {
  return {
    id: randomBytes(16).toString('base64url'),
    code: newCode(),
    scope,
    description,
    by,
    lasting,
  }
}

/** Leaves out repetitions: a call may wait several times with one token. */
function distinct(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin] as const)).values()]
}

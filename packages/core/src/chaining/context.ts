import { findStop, type StopContext } from '../authentication/stops.js'
import { originOf, type TokenCaller } from '../caller.js'
import type { NameSubjects } from '../decision/subjects.js'
import type { Refusal } from '../errors.js'
import type { Report } from '../events.js'
import type { SignaturePolicy } from '../signature/read.js'
import type { Seal } from './seal.js'
import type { OwnAgent, Suppliers, Wait } from './suppliers.js'
import type { SupplierTokens } from './tokens.js'

/** What calling suppliers depends on. */
export interface ChainingContext {
  /** Our identifier. */
  readonly resource: string
  /** Identifies the server in the held calls that it carries out. */
  readonly server: object
  readonly agent: OwnAgent
  readonly suppliers: Suppliers
  /** The suppliers that may be called; `undefined` for all. */
  readonly allowed: ReadonlySet<string> | undefined
  readonly tokens: SupplierTokens
  readonly seal: Seal
  readonly signature: SignaturePolicy
  /** Seconds for one call. */
  readonly timeout: number
  /** Bytes of content of a call that can be held. */
  readonly callBytes: number
  /** Bytes of suppliers' answers that are kept for one call. */
  readonly answerBytes: number
  /** Whether a caller that declares no capabilities is treated as unable to send a person to a page (G-35). */
  readonly requireDeclaredCapability: boolean
  /** Milliseconds. */
  readonly clock: () => number
  readonly report: Report
  /** The hashes that stand for persons. */
  readonly nameSubjects: NameSubjects
  /** Why calls in this caller's name are not allowed any more; `undefined` if they are. */
  findStop(caller: TokenCaller): Promise<Refusal | undefined>
}

/** Cancels what waits on the supplier's side, so that nobody there is asked any more. Never rejects. */
export async function callOff(
  wait: Wait,
  { suppliers, timeout }: Pick<ChainingContext, 'suppliers' | 'timeout'>,
): Promise<void> {
  await suppliers.cancel(wait, AbortSignal.timeout(timeout * 1000)).catch(() => {})
}

/** {@link ChainingContext.findStop} by the lists that stop callers everywhere. */
export const stopsOf =
  (context: StopContext): ChainingContext['findStop'] =>
  (caller) =>
    findStop([originOf(caller)], context)

import { challengeAnswer, refusalAnswer, unsignedAnswer } from '../answer/challenge.js'
import { AAuthError, Refusal } from '../errors.js'
import type { Answer } from '../http/message.js'
import type { SupplierFault, SupplierFaultCode, Wait } from './suppliers.js'

/**
 * Why a supplier cannot be called in the caller's name. If a handler lets this error escape, the caller gets the
 * answer with its `code`, `status` and `headers`. With `interaction_required` the caller's call is held instead, and
 * the handler runs again from the beginning once the person has decided.
 */
export class OnwardError extends AAuthError {
  override readonly name: string = 'OnwardError'
  /** The supplier's identifier. */
  readonly supplier: string

  constructor(supplier: string, code: string, answer: Pick<Answer, 'status' | 'headers'>, detail?: string) {
    super(code, answer.status, answer.headers, detail)
    this.supplier = supplier
  }
}

/** The answer to our caller, and the cause. Not members of the error, because errors end up in logs. */
interface Behind {
  readonly answer: Answer
  /** Absent if the caller has to bring another token. */
  readonly refusal?: Refusal
  /** What the call has to wait for; absent if waiting would not help. */
  readonly wait?: Wait | undefined
  /** The server whose handler made the call. Another server in the same application does not know the error. */
  readonly server: object
}

const behind = new WeakMap<OnwardError, Behind>()

/** The private parts of an error. */
export function behindOf(error: OnwardError): Behind | undefined {
  return behind.get(error)
}

/** The error for a refusal of our own. */
export function refusedOnward(server: object, supplier: string, refusal: Refusal, wait?: Wait): OnwardError {
  const answer = refusalAnswer(refusal)
  const error = new OnwardError(supplier, refusal.code, answer, refusal.details.detail)
  behind.set(error, { answer, refusal, wait, server })
  return error
}

/** The error for a fault on the supplier's side. */
export function failedOnward(server: object, supplier: string, fault: SupplierFault): OnwardError {
  return refusedOnward(server, supplier, refusalFor(fault), fault.wait)
}

/**
 * The error when there is no person in whose name a supplier could be called. The caller is asked for a person token,
 * as on a route that requires one.
 */
export function noAuthority(server: object, supplier: string, isSigned: boolean): OnwardError {
  const answer = isSigned ? challengeAnswer('person-token') : unsignedAnswer('person-token', jwtOnly)
  const detail = `nobody is known in whose name ${supplier} could be called`
  const error = new OnwardError(supplier, 'person-token', answer, detail)
  behind.set(error, { answer, server })
  return error
}

const jwtOnly = ['jwt']

/** The answer to our caller for a fault on the supplier's side. It never contains what that side sent (G-66). */
export function refusalFor({ code, reason, retryAfter }: SupplierFault): Refusal {
  const [ours, detail] = ends.get(code) as End
  return new Refusal(ours, {
    detail,
    reason,
    ...(ours === 'supplier_unavailable' ? { retryAfter: Math.min(retryAfter ?? 5, 3600) } : {}),
  })
}

type End = readonly [code: Refusal['code'], detail: string]

/** What becomes of a call for each fault on the supplier's side. */
const ends: ReadonlyMap<SupplierFaultCode, End> = new Map<SupplierFaultCode, End>([
  ['waiting', ['interaction_required', 'The person has to be asked before a supplier can be called']],
  ['interaction_required', ['interaction_required', 'The person has to be asked, and cannot be reached']],
  ['denied', ['denied', 'The person, or their server, does not let a supplier be called for this']],
  ['abandoned', ['abandoned', 'The person gave up before a supplier could be called']],
  ['expired', ['expired', 'It was not decided in time, or the token of this call has ended; call again']],
  ['revoked', ['revoked', 'The token of this call has been revoked']],
  [
    'gone',
    ['server_error', 'What the supplier’s side answered is lost; check what was done before repeating it'],
  ],
  [
    'invalid_upstream_token',
    ['invalid_upstream_token', 'The person’s server does not accept the token of this call'],
  ],
  ['as_unreachable', ['as_unreachable', 'The supplier’s access server could not be reached']],
  ['supplier_unavailable', ['supplier_unavailable', 'A supplier or its person server could not be reached']],
  ['supplier_failed', ['supplier_failed', 'A supplier or its person server gave no usable answer']],
])

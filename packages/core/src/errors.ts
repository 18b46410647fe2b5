/** Codes carried by `Signature-Error` (Signature-Key draft, section 5.4; AAuth 11.3.4). All answer `401`. */
export type SignatureErrorCode =
  | 'invalid_signature'
  | 'invalid_input'
  | 'clock_skew'
  | 'unsupported_scheme'
  | 'unsupported_algorithm'
  | 'invalid_key'
  | 'unknown_key'
  | 'invalid_jwt'
  | 'expired_jwt'
  | 'revoked_jwt'
  | 'issuer_missing'
  | 'issuer_mismatch'

/** Codes carried only by the `error` member of a problem body (AAuth 11.9; the codes answered with `503` are ours). */
export type ProblemCode =
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_account'
  | 'access_denied'
  | 'content_too_large'
  | 'unsupported_iss'
  | 'not_found'
  | 'gone'
  | 'denied'
  | 'abandoned'
  | 'revoked'
  | 'expired'
  | 'invalid_code'
  | 'slow_down'
  | 'rate_limited'
  | 'issuer_unavailable'
  | 'store_unavailable'
  | 'policy_unavailable'
  | 'overloaded'
  | 'interaction_required'
  | 'invalid_upstream_token'
  | 'as_unreachable'
  | 'supplier_failed'
  | 'supplier_unavailable'
  | 'server_error'

/** Every code that this library answers with. A policy may answer `403` with codes of its own. */
export type ErrorCode = SignatureErrorCode | ProblemCode

/**
 * Who caused an error, so that an operator can alert on each group separately. `caller`: the request is at fault.
 * `issuer`: a token's issuer could not be reached. `supplier`: another resource that a handler called in its caller's
 * name, or the person server in between. `ours`: this server failed.
 */
export type ErrorFamily = 'caller' | 'issuer' | 'supplier' | 'ours'

/** An error code's status, title and family. */
export interface ErrorEntry {
  readonly status: number
  readonly family: ErrorFamily
  readonly title: string
  /** Whether the code travels in `Signature-Error`. */
  readonly signature: boolean
}

const signature = (title: string): ErrorEntry => ({ status: 401, family: 'caller', title, signature: true })
const problem = (status: number, title: string, family: ErrorFamily = 'caller'): ErrorEntry => ({
  status,
  family,
  title,
  signature: false,
})

/** The table of all error codes. */
export const errorTable: ReadonlyMap<ErrorCode, ErrorEntry> = new Map<ErrorCode, ErrorEntry>([
  ['invalid_signature', signature('The request signature is missing, malformed, stale or does not verify')],
  ['invalid_input', signature('The signature does not cover a required component')],
  ['clock_skew', signature('A timestamp lies too far ahead of this server’s clock')],
  ['unsupported_scheme', signature('The Signature-Key scheme is not accepted here')],
  ['unsupported_algorithm', signature('The key’s alg is not accepted here')],
  ['invalid_key', signature('The key cannot be used')],
  ['unknown_key', signature('The issuer has no key of the token’s kid')],
  ['invalid_jwt', signature('The token is not accepted here')],
  ['expired_jwt', signature('The token has expired; get a new one')],
  ['revoked_jwt', signature('The token has been revoked; get a new one')],
  ['issuer_missing', signature('The issuer’s metadata names no issuer')],
  ['issuer_mismatch', signature('The issuer’s metadata names another issuer')],
  ['invalid_request', problem(400, 'The request is malformed')],
  ['invalid_scope', problem(400, 'The scope is not recognised')],
  ['invalid_account', problem(400, 'The account is not held by this person')],
  ['access_denied', problem(403, 'Access is denied')],
  ['content_too_large', problem(413, 'The content is larger than this server reads')],
  ['unsupported_iss', problem(403, 'Revocations of this issuer are not accepted')],
  ['rate_limited', problem(429, 'Too many requests; try again after Retry-After')],
  ['not_found', problem(404, 'Nothing is here for this caller')],
  ['gone', problem(410, 'This request has ended')],
  ['denied', problem(403, 'The request was denied')],
  ['abandoned', problem(403, 'The request was abandoned')],
  ['revoked', problem(403, 'A token that this request depends on has been revoked')],
  ['expired', problem(408, 'The request was not completed in time; make it again')],
  ['invalid_code', problem(410, 'The interaction code is unknown, used or expired')],
  ['slow_down', problem(429, 'Polls come too often; wait as long as Retry-After says')],
  ['issuer_unavailable', problem(503, 'The token’s issuer could not be reached; try again later', 'issuer')],
  ['store_unavailable', problem(503, 'The server cannot reach its store; try again later', 'ours')],
  ['policy_unavailable', problem(503, 'A rule of this API gave no answer in time; try again later', 'ours')],
  ['overloaded', problem(503, 'The server is too busy; try again later', 'ours')],
  ['interaction_required', problem(403, 'A person has to be asked first')],
  [
    'invalid_upstream_token',
    problem(502, 'The token of this call is not accepted for a supplier', 'supplier'),
  ],
  ['as_unreachable', problem(502, 'A supplier’s access server could not be reached', 'supplier')],
  ['supplier_failed', problem(502, 'A supplier gave no usable answer', 'supplier')],
  ['supplier_unavailable', problem(503, 'A supplier could not be reached; try again later', 'supplier')],
  ['server_error', problem(500, 'The server failed', 'ours')],
])

/** The entry of a code. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return errorTable.get(code) as ErrorEntry
}

/** Details of a refusal, beside its code. */
export interface RefusalDetails {
  /** One sentence for the caller, without any token, signature or `sub`. */
  readonly detail?: string
  /** For the operator's log only; never sent. */
  readonly reason?: string
  /** The error that was thrown, for the operator's log only; never sent. */
  readonly cause?: unknown
  /** With `invalid_input`: every component this endpoint requires (Signature-Key draft, 5.4.5). */
  readonly requiredInput?: readonly string[]
  /** With `unsupported_scheme`: the schemes accepted at this endpoint. */
  readonly acceptScheme?: readonly string[]
  /** Seconds after which to try again, sent as `Retry-After`. */
  readonly retryAfter?: number
  /** A requirement to send beside the error (AAuth 11.12.5). */
  readonly requirement?: 'agent-token' | 'person-token'
}

/**
 * A refused request, as plain data. It is returned and never thrown: an exception costs more than all the checks, and
 * strangers must not be able to cause one.
 */
export class Refusal {
  readonly code: ErrorCode
  readonly details: RefusalDetails
  constructor(code: ErrorCode, details: RefusalDetails = {}) {
    this.code = code
    this.details = details
  }
}

/** Creates a {@link Refusal} from a code and, optionally, a sentence for the caller. */
export function refuse(code: ErrorCode, detail?: string): Refusal {
  return new Refusal(code, detail === undefined ? {} : { detail })
}

/**
 * Creates a {@link Refusal} that is the same for every request. Its answer and event are then made only once as well.
 * For refusals that strangers can cause in any number.
 */
export function constantRefusal(code: ErrorCode, detail?: string | RefusalDetails): Refusal {
  const refusal = typeof detail === 'object' ? new Refusal(code, detail) : refuse(code, detail)
  Object.freeze(refusal.details)
  return Object.freeze(refusal)
}

/**
 * Replaces a thrown value that cannot be inspected. Functions of the application may throw anything, and with some
 * objects `instanceof` and `String` themselves throw.
 */
export function askable(cause: unknown): unknown {
  try {
    const says: unknown = cause instanceof Error ? cause.message : String(cause)
    return typeof says === 'string' ? cause : unaskable()
  } catch {
    return unaskable()
  }
}

const unaskable = (): Error => new Error('something was thrown that does not say what it is')

/** The message of a thrown value, for the operator. */
export function messageOf(cause: unknown): string {
  const known = askable(cause)
  return known instanceof Error ? known.message : String(known)
}

/**
 * The error that an adapter passes to the application instead of answering a refusal (`onError: 'next'` in Express,
 * `'throw'` in Fastify). Both frameworks' default handlers use its `status`, `statusCode` and `headers`.
 */
export class AAuthError extends Error {
  override readonly name: string = 'AAuthError'
  /** One of {@link ErrorCode}, a requirement (`agent-token`, `person-token`, `auth-token`) or a policy's own code. */
  readonly code: string
  readonly status: number
  readonly statusCode: number
  readonly #headers: Readonly<Record<string, string>>
  readonly detail: string | undefined
  /** Express shows the message of an exposed error. The message never holds secrets. */
  readonly expose = true
  constructor(
    code: string,
    status: number,
    headers: Readonly<Record<string, string>>,
    detail?: string,
    cause?: unknown,
  ) {
    super(detail ?? code, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.statusCode = status
    this.#headers = headers
    this.detail = detail
  }

  /**
   * The headers that the answer must carry. An accessor of the class: a challenge names the person in its resource
   * token, and errors end up in logs, some of which also copy members that are not enumerable.
   */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers
  }
}

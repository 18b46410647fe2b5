import type { FaultKind } from '../events.js'

/** Limit on the characters of a reason. It is stored with the issuer, and network errors quote what they met. */
const longest = 200

// A copy, because a slice would keep the whole original text in memory.
const copyOf = (text: string): string => Buffer.from(text).toString()

/** Why a discovery failed. */
export class Fault {
  readonly kind: FaultKind
  /** For the operator's log only. */
  readonly reason: string
  /** Milliseconds to wait before the next attempt, from the issuer's `Retry-After`. */
  readonly retryAfter: number | undefined
  constructor(kind: FaultKind, reason: string, retryAfter?: number) {
    this.kind = kind
    this.reason = reason.length > longest ? copyOf(reason.slice(0, longest)) : reason
    this.retryAfter = retryAfter
  }
}

/**
 * The rejection of the guarded fetch for an address that it does not connect to, or a response that it does not
 * accept. All other rejections are network errors.
 */
export class GuardError extends Error {
  override readonly name = 'GuardError'
  /** `forbidden`: nothing was sent. `unusable`: the response was refused or cut off. */
  readonly kind: 'forbidden' | 'unusable'
  constructor(kind: 'forbidden' | 'unusable', message: string) {
    super(message)
    this.kind = kind
  }
}

/** Converts the rejection of a fetch to a {@link Fault}. */
export function faultOf(error: unknown): Fault {
  if (error instanceof GuardError) return new Fault(error.kind, error.message)
  if (!(error instanceof Error)) return new Fault('unavailable', 'the fetch failed')
  // Node's own `fetch` only says that it failed; the cause says why.
  if (error.cause instanceof Error) return faultOf(error.cause)
  const { code } = error as NodeJS.ErrnoException
  return new Fault('unavailable', code ?? error.message)
}

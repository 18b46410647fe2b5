import type { FaultKind } from '../events.js'

/** Characters of a reason. It is kept with the issuer, and errors of the network quote whatever they have met. */
const longest = 200

// A slice would keep the whole of what it was cut from.
const copyOf = (text: string): string => Buffer.from(text).toString()

/** A failed step of a discovery, as plain data. */
export class Fault {
  readonly kind: FaultKind
  /** For the operator's log only. */
  readonly reason: string
  /** Milliseconds the issuer asked to be left alone. */
  readonly retryAfter: number | undefined
  constructor(kind: FaultKind, reason: string, retryAfter?: number) {
    this.kind = kind
    this.reason = reason.length > longest ? copyOf(reason.slice(0, longest)) : reason
    this.retryAfter = retryAfter
  }
}

/** What the guarded fetch rejects with when it will not go there, or will not read on; other rejections are the network's. */
export class GuardError extends Error {
  override readonly name = 'GuardError'
  /** `forbidden`: not visited. `unusable`: visited, and cut off. */
  readonly kind: 'forbidden' | 'unusable'
  constructor(kind: 'forbidden' | 'unusable', message: string) {
    super(message)
    this.kind = kind
  }
}

/** The fault behind a rejection of a fetch, be it the guard's, the network's or a stranger's. */
export function faultOf(error: unknown): Fault {
  if (error instanceof GuardError) return new Fault(error.kind, error.message)
  if (!(error instanceof Error)) return new Fault('unavailable', 'the fetch failed')
  // Node's own `fetch` says only that it failed; the cause says why.
  if (error.cause instanceof Error) return faultOf(error.cause)
  const { code } = error as NodeJS.ErrnoException
  return new Fault('unavailable', code ?? error.message)
}

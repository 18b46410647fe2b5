import { askable, Refusal } from '../errors.js'
import type { StoreFault } from '../events.js'

/** The store failed or could not be reached. The request is refused: `503 store_unavailable`. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly fault: StoreFault
  constructor(fault: StoreFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}

/** Converts any thrown value to a {@link StoreError}. */
export function asStoreError(thrown: unknown): StoreError {
  const cause = askable(thrown)
  if (cause instanceof StoreError) return cause
  const message = cause instanceof Error ? cause.message : 'the store threw something that is no Error'
  return new StoreError(faultOf(cause), message, cause)
}

// By name, because a store package may come with its own copy of this one.
function faultOf(cause: unknown): StoreFault {
  if (!(cause instanceof Error)) return 'failed'
  if (cause.name === 'StoreFullError') return 'full'
  if (cause.name === 'StoreConnectingError') return 'connecting'
  return cause.name === 'StoreUnfitError' ? 'unfit' : 'failed'
}

/** Whether a store operation failed because the first connection is still being made. */
export function isConnecting(thrown: unknown): boolean {
  const cause = askable(thrown)
  return cause instanceof Error && cause.name === 'StoreConnectingError'
}

/** The refusal when a needed store failed; nothing has been done. */
export function storeUnavailable(error: StoreError): Refusal {
  return new Refusal('store_unavailable', {
    reason: `the store (${error.fault}): ${error.message}`,
    cause: error.cause ?? error,
    retryAfter: error.fault === 'full' ? 60 : 2,
  })
}

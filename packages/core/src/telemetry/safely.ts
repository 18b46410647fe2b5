import { askable } from '../errors.js'

/**
 * A listener that cannot end the process. Node rethrows what a channel's listener throws as an uncaught exception,
 * and a fault in an exporter must not stop requests.
 */
export function safely<Args extends readonly unknown[]>(
  listener: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args)
    } catch (cause) {
      warn(cause)
    }
  }
}

/** Warns of a fault, once per process, because it would be the same for every request. */
export function warn(cause: unknown): void {
  if (warned) return
  warned = true
  process.emitWarning(`telemetry failed: ${String(askable(cause))}`, { code: 'AAUTH_TELEMETRY' })
}

let warned = false

import { askable } from '../errors.js'

/**
 * A listener that cannot end the process: what a listener of a channel throws, Node throws again where nobody catches it,
 * and an exporter's fault must not stop requests.
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

/** Warns of a fault, once a process: it would be the same for every request. */
export function warn(cause: unknown): void {
  if (warned) return
  warned = true
  process.emitWarning(`telemetry failed: ${String(askable(cause))}`, { code: 'AAUTH_TELEMETRY' })
}

let warned = false

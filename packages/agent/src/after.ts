/**
 * Calls back after `ms`, unless it is stopped; keeps no process alive.
 *
 * @returns stops it
 */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

/**
 * Calls back after `ms`, unless it is stopped; keeps no process alive.
 *
 * @returns stops it
 */
export function after(ms: number, callback: () => void): () => void {
  // Timers that somebody has put in the place of Node's may know nothing of `unref`.
  const timer = setTimeout(callback, ms) as Partial<NodeJS.Timeout> | undefined
  timer?.unref?.()
  return () => clearTimeout(timer as NodeJS.Timeout | undefined)
}

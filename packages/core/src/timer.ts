/**
 * Calls back after `ms`, unless it is stopped; keeps no process alive. The timer is the one that is global now: under
 * timers that a test has put in its place too, whose handles may know nothing of `unref`.
 *
 * @returns stops it
 */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms) as Partial<NodeJS.Timeout> | undefined
  timer?.unref?.()
  return () => clearTimeout(timer as NodeJS.Timeout | undefined)
}

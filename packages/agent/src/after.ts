/**
 * Calls back after `ms`, unless stopped. Does not keep the process alive.
 *
 * @returns a function that stops the timer
 */
export function after(ms: number, callback: () => void): () => void {
  // Fake timers may have no `unref`.
  const timer = setTimeout(callback, ms) as Partial<NodeJS.Timeout> | undefined
  timer?.unref?.()
  return () => clearTimeout(timer as NodeJS.Timeout | undefined)
}

import { fieldLines, type HttpRequest } from '../http/message.js'

/** Long polls (`Prefer: wait`, RFC 7240, 4.3) held open by this process. */
export interface Waits {
  /**
   * Resolves when `id` is woken, when `ready` says so, when the client is gone, or after `seconds`; at once when too
   * many wait already. Other processes cannot wake anybody here, so `ready` is asked every second.
   */
  wait(id: string, seconds: number, ready: () => Promise<boolean>, gone?: AbortSignal): Promise<void>
  /** Ends every wait for `id`. */
  wake(id: string): void
  /** Ends all waits; from then on nobody waits any more. */
  close(): void
  /** Whether they have been closed. */
  readonly closed: boolean
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** Real time. */
const sleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })

const secondMs = 1000

/** @param max waits at once */
export function createWaits(max: number, pause: Sleep = sleep): Waits {
  const waiting = new Map<string, Set<AbortController>>()
  let count = 0
  let closed = false
  const enter = (id: string, controller: AbortController): void => {
    count++
    const set = waiting.get(id) ?? new Set()
    waiting.set(id, set.add(controller))
  }
  const leave = (id: string, controller: AbortController): void => {
    count--
    const set = waiting.get(id)
    set?.delete(controller)
    if (set?.size === 0) waiting.delete(id)
  }
  const wake = (id: string): void => {
    for (const controller of waiting.get(id) ?? []) controller.abort()
  }
  return {
    async wait(id, seconds, ready, gone) {
      if (closed || count >= max || gone?.aborted === true) return
      const controller = new AbortController()
      const stop = (): void => controller.abort()
      gone?.addEventListener('abort', stop)
      enter(id, controller)
      try {
        for (let left = seconds; left > 0 && !controller.signal.aborted; left--) {
          await pause(secondMs, controller.signal)
          if (await ready()) return
        }
      } finally {
        leave(id, controller)
        gone?.removeEventListener('abort', stop)
      }
    },
    wake,
    get closed() {
      return closed
    },
    close() {
      closed = true
      for (const id of [...waiting.keys()]) wake(id)
    },
  }
}

/** The seconds of `Prefer: wait=N`, at most `longest`; 0 when there is none. */
export function preferredWait(request: HttpRequest, longest: number): number {
  for (const line of fieldLines(request.rawHeaders, 'prefer')) {
    const match = /(?:^|,)[ \t]*wait[ \t]*=[ \t]*"?([0-9]{1,6})"?[ \t]*(?:$|[,;])/i.exec(line)
    if (match !== null) return Math.min(Number(match[1]), longest)
  }
  return 0
}

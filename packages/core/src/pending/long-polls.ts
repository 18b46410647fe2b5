import { fieldLines, type HttpRequest } from '../http/message.js'

/** The long polls (`Prefer: wait`, RFC 7240, 4.3) that this process holds open. */
export interface LongPolls {
  /**
   * Holds a poll of the request `id` open. Resolves when {@link wake} is called for it, when `ready` answers `true`,
   * when the client is gone, or after `seconds`; at once if too many polls are held open already. A decision in
   * another process wakes no polls here, so `ready` is called every second.
   */
  wait(id: string, seconds: number, ready: () => Promise<boolean>, gone?: AbortSignal): Promise<void>
  /** Resolves all polls of the request `id`. */
  wake(id: string): void
  /** Resolves all polls; no further ones are held open. */
  close(): void
  /** The number of polls held open. */
  readonly count: number
  /** Whether {@link close} has been called. */
  readonly closed: boolean
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** {@link Sleep} in real time. */
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

/**
 * Creates the long polls of a process.
 *
 * @param max polls held open at once
 */
export function createLongPolls(max: number, pause: Sleep = sleep): LongPolls {
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
    get count() {
      return count
    },
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

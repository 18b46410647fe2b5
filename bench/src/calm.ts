import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The share of all cores that others may have used in a sample. */
const mostForeign = 0.05
const mostTries = 4
/** The unit of Linux, whatever its kernel's own tick. */
const microsecondsPerTick = 10_000

/** A sample, and the microseconds of CPU that servers used for it; they keep running. */
interface Taken<T> {
  readonly sample: T
  readonly cpu: number
}

/** Repeats samples that others disturbed; the least disturbed one counts. */
export interface Calm {
  take<T>(sample: () => Promise<Taken<T>>): Promise<T>
  /** The largest share of all cores that others used in a sample that counts; absent if it cannot be measured. */
  readonly worst: number | undefined
}

/** @param patience seconds for all repeated samples */
export function createCalm(patience: number): Calm {
  let left = patience * 1000
  let worst: number | undefined
  return {
    async take(sample) {
      let best = await watched(sample)
      for (let i = 1; i < mostTries && (best.foreign ?? 0) > mostForeign && left > 0; i++) {
        const again = await watched(sample)
        left -= again.milliseconds
        if ((again.foreign ?? 0) < (best.foreign ?? 0)) best = again
      }
      if (best.foreign !== undefined) worst = Math.max(worst ?? 0, best.foreign)
      return best.sample
    },
    get worst() {
      return worst
    },
  }
}

/** Takes a sample, and the share of all cores that others used meanwhile, if it can be measured. */
export async function watched<T>(
  take: () => Promise<Taken<T>>,
): Promise<{ readonly sample: T; readonly milliseconds: number; readonly foreign: number | undefined }> {
  const before = foreignSoFar()
  const began = performance.now()
  const { sample, cpu } = await take()
  const milliseconds = performance.now() - began
  const after = foreignSoFar()
  const foreign =
    before === undefined || after === undefined
      ? undefined
      : Math.max(0, (after - before - cpu) / (milliseconds * 1000 * availableParallelism()))
  return { sample, milliseconds, foreign }
}

/**
 * Microseconds of CPU on this machine, without this process and its finished clients. The kernel's time in interrupts
 * is left out: under load that is the load's own network.
 */
function foreignSoFar(): number | undefined {
  try {
    const [, user, nice, system, , , , , steal] = fields(readFileSync('/proc/stat', 'utf8'))
    const self = readFileSync('/proc/self/stat', 'utf8')
    // After the name, which may contain blanks; our own, then those of finished children.
    const [utime, stime, cutime, cstime] = fields(self.slice(self.lastIndexOf(')') + 2)).slice(11)
    const ticks = [user, nice, system, steal].map(Number).reduce((a, b) => a + b)
    const own = [utime, stime, cutime, cstime].map(Number).reduce((a, b) => a + b)
    return (ticks - own) * microsecondsPerTick
  } catch {
    return undefined
  }
}

const fields = (text: string): string[] => text.slice(0, text.indexOf('\n')).split(/ +/)

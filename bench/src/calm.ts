import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The share of all cores that others may have used in a sample. */
const mostForeign = 0.05
const mostTries = 4
/** What Linux counts in, whatever its kernel ticks at. */
const microsecondsPerTick = 10_000

/** A sample, and the microseconds of CPU that servers used for it, which run on. */
interface Taken<T> {
  readonly sample: T
  readonly cpu: number
}

/** Samples that others disturbed are taken again, and the least disturbed one counts. */
export interface Calm {
  take<T>(sample: () => Promise<Taken<T>>): Promise<T>
  /** The largest share of all cores that others used in a sample that counts; none where that cannot be seen. */
  readonly worst: number | undefined
}

/** @param patience seconds for all samples that are taken again */
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

/** A sample, and what share of all cores others used meanwhile, where that can be seen. */
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
 * Microseconds of CPU on this machine, without this process and the clients it has waited for. What the kernel spends in
 * interrupts is left out: under load that is the load's own network.
 */
function foreignSoFar(): number | undefined {
  try {
    const [, user, nice, system, , , , , steal] = fields(readFileSync('/proc/stat', 'utf8'))
    const self = readFileSync('/proc/self/stat', 'utf8')
    // Behind the name, which may contain blanks; ours, then that of children that have ended.
    const [utime, stime, cutime, cstime] = fields(self.slice(self.lastIndexOf(')') + 2)).slice(11)
    const ticks = [user, nice, system, steal].map(Number).reduce((a, b) => a + b)
    const own = [utime, stime, cutime, cstime].map(Number).reduce((a, b) => a + b)
    return (ticks - own) * microsecondsPerTick
  } catch {
    return undefined
  }
}

const fields = (text: string): string[] => text.slice(0, text.indexOf('\n')).split(/ +/)

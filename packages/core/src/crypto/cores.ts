import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The file with a container's share of the processors (cgroup v2). */
const quotaFile = '/sys/fs/cgroup/cpu.max'

/**
 * How many processors this process may use at once, 1 or more: those that it is bound to, and no more than its
 * container's share, which Node 20 does not consider.
 *
 * @param quota the text of `cpu.max`: microseconds in each period, and the period, or `max`
 */
export function countCores(
  bound: number = availableParallelism(),
  quota: string | undefined = readQuota(),
): number {
  const [time, period] = (quota ?? '').trim().split(' ').map(Number)
  const given = time !== undefined && period !== undefined ? time / period : Number.NaN
  return given > 0 ? Math.max(1, Math.min(bound, Math.ceil(given))) : Math.max(1, bound)
}

function readQuota(): string | undefined {
  try {
    return readFileSync(quotaFile, 'latin1')
  } catch {
    return undefined
  }
}

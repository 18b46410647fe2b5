import type { Sample } from './messages.js'

/** With when it was taken, in milliseconds. */
export type Timed = Sample & { readonly at: number }

const minute = 60_000
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0
}

/** By how much it grows in a minute: least squares. */
export function slope(points: readonly (readonly [at: number, value: number])[]): number {
  const mean = (of: readonly number[]): number =>
    of.reduce((sum, one) => sum + one, 0) / Math.max(1, of.length)
  const [at, value] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const spread = points.reduce((sum, [x]) => sum + (x - at) ** 2, 0)
  if (spread === 0) return 0
  return (points.reduce((sum, [x, y]) => sum + (x - at) * (y - value), 0) / spread) * minute
}

/** Prints what is held, ten minutes by ten minutes; and judges it between the second third and the last: what grows still, grows on. */
export function judgeGrowth(
  samples: readonly Timed[],
  last: Sample,
  say: (what: string, ok: boolean) => void,
): void {
  const [first] = samples
  if (first === undefined) {
    say('there are samples', false)
    return
  }
  const tens = new Map<number, Timed[]>()
  for (const sample of samples) {
    const ten = Math.floor((sample.at - first.at) / (10 * minute))
    tens.set(ten, [...(tens.get(ten) ?? []), sample])
  }
  for (const [ten, those] of tens) {
    const of = (what: 'heap' | 'resident' | 'descriptors'): number => median(those.map((one) => one[what]))
    console.log(
      `from minute ${10 * ten}: heap ${mib(of('heap'))}, resident ${mib(of('resident'))}, descriptors ${of('descriptors')}`,
    )
  }
  const third = Math.floor(samples.length / 3)
  const middle = samples.slice(third, 2 * third)
  const late = samples.slice(2 * third)
  for (const what of ['heap', 'resident'] as const) {
    const [from, to] = [median(middle.map((one) => one[what])), median(late.map((one) => one[what]))]
    const room = what === 'heap' ? 4_194_304 : 25_165_824
    const grows = slope(samples.slice(third).map((one) => [one.at, one[what]]))
    say(
      `${what} ${mib(from)} → ${mib(to)} (${samples.length} samples), after the first third ${(grows / 1024).toFixed(1)} KiB a minute`,
      to < from * 1.1 + room,
    )
  }
  const descriptors = median(middle.map((one) => one.descriptors))
  const grows = slope(samples.slice(third).map((one) => [one.at, one.descriptors]))
  say(
    `descriptors ${descriptors} → ${last.descriptors}, after the first third ${grows.toFixed(2)} a minute`,
    last.descriptors <= descriptors + 8,
  )
}

import { median, quantile } from '../statistics.js'

/** One thing measured. */
export interface Bench<Input = unknown, Output = unknown> {
  readonly name: string
  /** Makes the input of one call; outside of the clock. */
  readonly make: (i: number) => Input
  readonly run: (input: Input) => Output | Promise<Output>
  /** Turns on what only this bench has, outside of the clock. @returns turns it off again */
  readonly begin?: (() => () => void) | undefined
  /** Says what came out; a benchmark that measures the wrong thing fails loudly. */
  readonly expect: (output: Output) => boolean
}

/** A bench whose types only it knows. */
export interface AnyBench {
  readonly name: string
  readonly make: (i: number) => unknown
  readonly run: (input: never) => unknown
  readonly expect: (output: never) => boolean
}

/** A bench, and what it is measured against. */
export interface Case {
  readonly bench: AnyBench
  readonly floor: AnyBench
}

/** Figures of one case. */
export interface Figures {
  /** Name of the bench it was measured against. */
  readonly floor: string
  /** Microseconds a call. */
  readonly us: number
  /** Over its floor, by the clock. */
  readonly ratio: number
  /** Over its floor, by the CPU of all threads. */
  readonly cpuRatio: number
  /** How sure `ratio` is: between these lies the middle half of what the rounds say, each by itself. */
  readonly spread: readonly [low: number, high: number]
}

/** How often: a round gives each case one slice of so many pairs. */
export interface PairOptions {
  /** Calls of each bench that do not count: V8 optimises what has run often, and not before. */
  readonly warmUp: number
  readonly rounds: number
  readonly pairs: number
}

/** What one batch took; microseconds a call. */
interface Batch {
  readonly size: number
  readonly wall: number
  readonly cpu: number
}

/** Long enough for the clock, short enough to end undisturbed and to find the machine as its neighbours did. */
const batchMicroseconds = 15_000
/** The first calls of a batch, by share, find in the processor's caches what others left there, and do not count. */
const leadIn = 0.2
/** Inputs of one batch are all there before it starts; more of them would not fit the processor's caches. */
const mostInBatch = 100

/**
 * Measures each case in batches that alternate with batches of its own floor, so that whatever the machine does to one
 * it does to the other. A ratio is the median over all batches of the batch over the mean of the two floor batches
 * around it. Rounds rotate the order of the cases.
 */
export async function runCases(
  cases: readonly Case[],
  options: PairOptions,
): Promise<ReadonlyMap<string, Figures>> {
  const sizes = new Map<AnyBench, number>()
  await warmUp(new Set(cases.flatMap(({ bench, floor }) => [bench, floor])), options.warmUp, sizes)
  const rounds = new Map<Case, Pair[][]>(cases.map((one) => [one, []]))
  for (let round = 0; round < options.rounds; round++) {
    for (let k = 0; k < cases.length; k++) {
      const one = cases[(k + round) % cases.length] as Case
      rounds.get(one)?.push(await runSlice(one, options.pairs, sizes))
    }
  }
  return new Map([...rounds].map(([{ bench, floor }, slices]) => [bench.name, toFigures(floor.name, slices)]))
}

/** In turn, so that V8 has seen everything by the time it makes up its mind. */
async function warmUp(
  benches: ReadonlySet<AnyBench>,
  most: number,
  sizes: Map<AnyBench, number>,
): Promise<void> {
  const left = new Map([...benches].map((bench) => [bench, most]))
  while (left.size > 0) {
    for (const [bench, calls] of left) {
      const { size } = await runBatch(bench, sizes)
      if (calls > size) left.set(bench, calls - size)
      else left.delete(bench)
    }
  }
}

interface Pair extends Omit<Batch, 'size'> {
  readonly ratio: number
  readonly cpuRatio: number
}

async function runSlice(
  { bench, floor }: Case,
  count: number,
  sizes: Map<AnyBench, number>,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  let before = await runBatch(floor, sizes)
  for (let i = 0; i < count; i++) {
    const { wall, cpu } = await runBatch(bench, sizes)
    const after = await runBatch(floor, sizes)
    pairs.push({
      wall,
      cpu,
      ratio: (2 * wall) / (before.wall + after.wall),
      cpuRatio: (2 * cpu) / (before.cpu + after.cpu),
    })
    before = after
  }
  return pairs
}

let calls = 0

async function runBatch(any: AnyBench, sizes: Map<AnyBench, number>): Promise<Batch> {
  const bench = any as unknown as Bench
  const size = sizes.get(any) ?? 5
  const untimed = Math.ceil(size * leadIn)
  const inputs = Array.from({ length: untimed + size }, (_, i) => bench.make(calls + i))
  calls += inputs.length
  const end = bench.begin?.()
  const outputs: unknown[] = new Array(inputs.length)
  const run = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) {
      const output = bench.run(inputs[i])
      outputs[i] = output instanceof Promise ? await output : output
    }
  }
  await run(0, untimed)
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  await run(untimed, inputs.length)
  const wall = Number(process.hrtime.bigint() - before) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  end?.()
  for (const output of outputs) {
    if (!bench.expect(output)) throw new Error(`${bench.name} came out as ${JSON.stringify(output)}`)
  }
  sizes.set(any, Math.max(1, Math.min(mostInBatch, Math.round((size * batchMicroseconds) / wall))))
  return { size, wall: wall / size, cpu: (user + system) / size }
}

function toFigures(floor: string, slices: readonly (readonly Pair[])[]): Figures {
  const all = slices.flat()
  const ofRounds = slices.map((pairs) => median(pairs.map(({ ratio }) => ratio)))
  return {
    floor,
    us: median(all.map(({ wall }) => wall)),
    ratio: median(all.map(({ ratio }) => ratio)),
    cpuRatio: median(all.map(({ cpuRatio }) => cpuRatio)),
    spread: [quantile(ofRounds, 0.25), quantile(ofRounds, 0.75)],
  }
}

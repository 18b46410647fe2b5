import { median, quantile } from '../statistics.js'

/** One measurement. */
export interface Bench<Input = unknown, Output = unknown> {
  readonly name: string
  /** Makes the input of one call; not timed. */
  readonly make: (i: number) => Input
  readonly run: (input: Input) => Output | Promise<Output>
  /** Turns on what only this bench needs; not timed. @returns a function that turns it off */
  readonly begin?: (() => () => void) | undefined
  /** Checks the output, so that a benchmark that measures the wrong thing fails. */
  readonly expect: (output: Output) => boolean
}

/** A bench with its types hidden. */
export interface AnyBench {
  readonly name: string
  readonly make: (i: number) => unknown
  readonly run: (input: never) => unknown
  readonly expect: (output: never) => boolean
}

/** A bench and its floor. */
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
  /** Relative to its floor, by the clock. */
  readonly ratio: number
  /** Relative to its floor, by the CPU of all threads. */
  readonly cpuRatio: number
  /** The precision of `ratio`: the range of the middle half of the rounds. */
  readonly spread: readonly [low: number, high: number]
}

/** Repetitions: a round gives each case one slice of this many pairs. */
export interface PairOptions {
  /** Calls of each bench that do not count, because V8 optimises only code that has run often. */
  readonly warmUp: number
  readonly rounds: number
  readonly pairs: number
}

/** The result of one batch; microseconds per call. */
interface Batch {
  readonly size: number
  readonly wall: number
  readonly cpu: number
}

/**
 * Long enough for the clock, short enough to end undisturbed and to find the machine in the same state as its
 * neighbours.
 */
const batchMicroseconds = 15_000
/** The share of calls at the start of a batch that do not count, because the processor's caches are cold. */
const leadIn = 0.2
/** All inputs of a batch exist before it starts; more would not fit the processor's caches. */
const mostInBatch = 100

/**
 * Measures each case in batches that alternate with batches of its floor, so that disturbances affect both. A ratio
 * is the median over all batches of the batch divided by the mean of the two floor batches around it. Rounds rotate
 * the order of the cases.
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

/** In turn, so that V8 has seen all cases before it optimises. */
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

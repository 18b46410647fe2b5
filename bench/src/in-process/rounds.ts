/** One thing measured. */
export interface Bench<Input = unknown, Output = unknown> {
  readonly name: string
  /** Makes the input of one call; outside of the clock. */
  readonly make: (i: number) => Input
  readonly run: (input: Input) => Output | Promise<Output>
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

/** Figures of one bench: medians over the rounds. */
export interface Figures {
  /** Microseconds a call, in the quieter batches: the lower quartile, since others may hold the processor. */
  readonly wall: number
  /** Microseconds of CPU a call, all threads, V8's own included. */
  readonly cpu: number
  /** `wall` over that of the floor in the same round: what drifts with the machine cancels. */
  readonly ratio: number
}

/** How long and how often. */
export interface RoundOptions {
  readonly rounds: number
  /** Milliseconds a bench gets in a round. */
  readonly slice: number
}

interface Slice {
  readonly wall: number
  readonly cpu: number
}

/**
 * Runs all benches in interleaved rounds, the order rotated, and relates each to `floor` round by round.
 * The first rounds warm up and do not count.
 */
export async function runRounds(
  benches: readonly AnyBench[],
  floor: string,
  options: RoundOptions,
): Promise<Map<string, Figures>> {
  const slices = new Map<string, Slice[]>(benches.map(({ name }) => [name, []]))
  const sizes = new Map<string, number>()
  for (let round = -warmUp; round < options.rounds; round++) {
    for (let k = 0; k < benches.length; k++) {
      const bench = benches[(k + Math.max(round, 0)) % benches.length] as unknown as Bench
      const slice = await runSlice(bench, options.slice, sizes)
      if (round >= 0) slices.get(bench.name)?.push(slice)
    }
  }
  const floors = slices.get(floor) as Slice[]
  return new Map(
    [...slices].map(([name, own]) => [
      name,
      {
        wall: median(own.map(({ wall }) => wall)),
        cpu: median(own.map(({ cpu }) => cpu)),
        ratio: median(own.map(({ wall }, i) => wall / (floors[i] as Slice).wall)),
      },
    ]),
  )
}

const mostInBatch = 500
const warmUp = 3

async function runSlice(bench: Bench, milliseconds: number, sizes: Map<string, number>): Promise<Slice> {
  const batches: number[] = []
  let wall = 0
  let cpu = 0
  let calls = 0
  let size = sizes.get(bench.name) ?? 20
  while (wall < milliseconds * 1000) {
    const inputs = Array.from({ length: size }, (_, i) => bench.make(calls + i))
    const outputs: unknown[] = new Array(size)
    const cpuBefore = process.cpuUsage()
    const before = process.hrtime.bigint()
    for (let i = 0; i < size; i++) {
      const output = bench.run(inputs[i])
      outputs[i] = output instanceof Promise ? await output : output
    }
    const took = Number(process.hrtime.bigint() - before) / 1000
    const { user, system } = process.cpuUsage(cpuBefore)
    for (const output of outputs) {
      if (!bench.expect(output)) throw new Error(`${bench.name} came out as ${JSON.stringify(output)}`)
    }
    batches.push(took / size)
    wall += took
    cpu += user + system
    calls += size
    // A batch takes about a tenth of the slice: long enough for the clock, short enough to keep the inputs few.
    size = Math.max(1, Math.min(mostInBatch, Math.round((size * milliseconds * 100) / Math.max(took, 1))))
  }
  sizes.set(bench.name, size)
  batches.sort((a, b) => a - b)
  return { wall: batches[batches.length >> 2] as number, cpu: cpu / calls }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

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

/** Figures of one bench. */
export interface Figures {
  /** Microseconds a call in the fastest tenth of the batches: the rest is what others took of the processor. */
  readonly wall: number
  /** Microseconds of CPU a call, all threads, V8's own included. */
  readonly cpu: number
  /** `wall` over that of the floor. */
  readonly ratio: number
}

/** How long and how often. */
export interface RoundOptions {
  readonly rounds: number
  /** Milliseconds a bench gets in a round. */
  readonly slice: number
}

interface Slice {
  /** Microseconds a call, batch by batch. */
  readonly batches: readonly number[]
  readonly cpu: number
}

/**
 * Runs all benches in interleaved rounds, the order rotated, and relates each to `floor`.
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
  const fastest = (name: string): number =>
    decile((slices.get(name) as Slice[]).flatMap(({ batches }) => batches))
  return new Map(
    [...slices].map(([name, own]) => [
      name,
      {
        wall: fastest(name),
        cpu: median(own.map(({ cpu }) => cpu)),
        ratio: fastest(name) / fastest(floor),
      },
    ]),
  )
}

function decile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 10)] as number
}

const mostInBatch = 500
const warmUp = 3

async function runSlice(bench: Bench, milliseconds: number, sizes: Map<string, number>): Promise<Slice> {
  const batches: number[] = []
  let wall = 0
  let cpu = 0
  let calls = 0
  let size = sizes.get(bench.name) ?? 20
  // Making the inputs of a cheap refusal takes longer than refusing them.
  const end = performance.now() + 4 * milliseconds
  while (wall < milliseconds * 1000 && (calls === 0 || performance.now() < end)) {
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
    // A batch takes about a twentieth of the slice: long enough for the clock, short enough to end undisturbed.
    size = Math.max(1, Math.min(mostInBatch, Math.round((size * milliseconds * 50) / Math.max(took, 1))))
  }
  sizes.set(bench.name, size)
  return { batches, cpu: cpu / calls }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

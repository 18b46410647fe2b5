import { Session } from 'node:inspector'

interface Coverage {
  readonly result: readonly {
    readonly scriptId: string
    readonly url: string
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number
        readonly endOffset: number
        readonly count: number
      }[]
    }[]
  }[]
}

/** Which blocks of our code have run, as V8 counts them. */
export class SeenBlocks {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  readonly #isOn: boolean

  /** @param isOn otherwise nothing is counted, and no block is ever new */
  constructor(isOn: boolean) {
    this.#isOn = isOn
    if (!isOn) return
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  get size(): number {
    return this.#seen.size
  }

  /** The blocks that have run since the last time, and never before; they are not noted yet. */
  news(): ReadonlySet<string> {
    const fresh = new Set<string>()
    if (!this.#isOn) return fresh
    // With a session in the same thread the answer is there at once.
    this.#session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error !== null) throw error
      for (const name of blocksOf(coverage as unknown as Coverage)) if (!this.#seen.has(name)) fresh.add(name)
    })
    return fresh
  }

  note(blocks: ReadonlySet<string>): void {
    for (const name of blocks) this.#seen.add(name)
  }
}

function* blocksOf({ result }: Coverage): Generator<string> {
  for (const { scriptId, url, functions } of result) {
    if (!url.includes('/packages/core/dist/')) continue
    // How often, by powers of two: once more around a loop is news, the hundredth time is none.
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges)
        if (count > 0)
          yield `${scriptId} ${startOffset} ${endOffset} ${Math.min(4, Math.floor(Math.log2(count)))}`
  }
}

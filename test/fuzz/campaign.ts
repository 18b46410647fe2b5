import { seeded } from '../soak/random.js'
import { type Branches, Seen } from './coverage.js'
import { mutate } from './mutate.js'
import type { Target } from './target.js'

/** What was wrong with an input. */
export interface Found {
  /** base64 */
  readonly input: string
  readonly error: string
}

export interface CampaignOptions {
  readonly seed: number
  /** What is kept of others: base64. */
  readonly corpus: readonly string[]
  /** Of this process, where they are counted; without them inputs are made of what was given. */
  readonly branches?: Branches | undefined
  /** Told of each input before it runs, so that it is known if the process ends or never comes back. */
  readonly note?: (input: Buffer) => void
}

/** What is kept is short, so that it stays small in the repository. */
const longestKept = 2048
/** Characters of base64 that are kept of one target. */
const mostKept = 40_000
/** Inputs between two looks at the clock. */
const stride = 32
/** Milliseconds that one may take of the processor, so that no short input is much work. */
const slowest = 400

/** Runs a target over what is mutated of inputs that have come to new code. */
export class Campaign {
  /** How many inputs the target has run. */
  runs = 0
  readonly #target: Target
  readonly #note: CampaignOptions['note']
  readonly #branches: Branches | undefined
  readonly #random: () => number
  readonly #corpus: Buffer[] = []
  readonly #known = new Set<string>()
  /** Given, and not run yet. */
  readonly #given: Buffer[] = []
  #news: string[] = []
  #seen: Seen

  constructor(target: Target, { seed, corpus, branches, note }: CampaignOptions) {
    this.#target = target
    this.#note = note
    this.#branches = branches
    this.#random = seeded(seed)
    this.#seen = new Seen(branches)
    this.#given.push(...target.seeds)
    this.learn(corpus)
  }

  /** Branches that have run. */
  get branches(): number {
    return this.#seen.size
  }

  get corpus(): number {
    return this.#corpus.length
  }

  /** What has come to new code since this was last asked; base64. */
  news(): readonly string[] {
    const news = this.#news
    this.#news = []
    return news
  }

  /** Takes what others have found. */
  learn(inputs: readonly string[]): void {
    for (const text of inputs) {
      if (this.#known.has(text)) continue
      this.#known.add(text)
      this.#given.push(Buffer.from(text, 'base64'))
    }
  }

  /** Runs until so many have run, or until a moment of `performance.now()`; ends with the first that is wrong. */
  async run(runs: number, until = Number.POSITIVE_INFINITY): Promise<Found | undefined> {
    for (let given = this.#given.shift(); given !== undefined; given = this.#given.shift()) {
      const found = await this.#try(given)
      if (found !== undefined) return found
      // Without guidance whatever was given is good to begin with.
      if (this.#seen.isNew() || this.#branches === undefined) this.#corpus.push(given)
    }
    const first = this.runs
    while (this.runs - first < runs && performance.now() < until) {
      for (let i = 0; i < stride; i++) {
        const input = mutate(this.#pick(), this.#pick(), this.#random)
        const found = await this.#try(input)
        if (found !== undefined) return found
        if (!this.#seen.isNew()) continue
        const text = input.toString('base64')
        this.#corpus.push(input)
        this.#known.add(text)
        this.#news.push(text)
      }
    }
    return undefined
  }

  /** The shortest inputs that come to all that has been come to; base64. */
  async kept(): Promise<readonly string[]> {
    if (this.#branches === undefined) return [...this.#known]
    let room = mostKept
    const all = this.#seen
    this.#seen = new Seen(this.#branches)
    const kept: string[] = []
    for (const input of this.#target.seeds) {
      await this.#try(input)
      this.#seen.isNew()
    }
    const inputs = this.#corpus.filter(({ length }) => length <= longestKept)
    for (const input of inputs.sort((a, b) => a.length - b.length)) {
      if (room < input.length) break
      if ((await this.#try(input)) !== undefined || !this.#seen.isNew()) continue
      const text = input.toString('base64')
      room -= text.length
      kept.push(text)
    }
    this.#seen = all
    return kept
  }

  /** Half of the time one that was new lately; and seldom the longer one of two, since they take long and bring little. */
  #pick(): Buffer {
    const { length } = this.#corpus
    const from = this.#random() < 0.5 ? Math.max(0, length - 40) : 0
    const any = (): Buffer => this.#corpus[from + Math.floor(this.#random() * (length - from))] as Buffer
    const [one, other] = [any(), any()]
    return one.length <= other.length === this.#random() < 0.9 ? one : other
  }

  async #try(input: Buffer): Promise<Found | undefined> {
    this.#note?.(input)
    this.#seen.clear()
    this.runs++
    const error = await this.#fault(input)
    return error === undefined ? undefined : { input: input.toString('base64'), error }
  }

  async #fault(input: Buffer): Promise<string | undefined> {
    try {
      const began = performance.now()
      await this.#target.run(input)
      if (performance.now() - began < slowest) return undefined
      // Perhaps the machine had other things to do.
      for (let times = 0; times < 3; times++) {
        const before = process.cpuUsage()
        await this.#target.run(input)
        const { user } = process.cpuUsage(before)
        if (user / 1000 < slowest) return undefined
      }
      return `takes more than ${slowest} ms`
    } catch (cause) {
      return String((cause as Error).stack ?? cause)
    }
  }
}

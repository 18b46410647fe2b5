import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { seeded } from '../soak/random.js'
import { SeenBlocks } from './coverage.js'
import { mutate } from './mutate.js'
import type { Target } from './targets.js'

/** How long a campaign is. */
export interface CampaignOptions {
  readonly runs: number
  readonly seed: number
  /** Where inputs are kept that came to new code: a JSON array of base64. */
  readonly corpus: string
  /** Whether to look at what code they come to; without it there are far more inputs in the same time. */
  readonly isGuided: boolean
  /** Whether new ones are written there. */
  readonly save: boolean
}

/** What a campaign has found. */
export interface Campaign {
  readonly runs: number
  readonly blocks: number
  readonly corpus: number
  /** The first input that is wrong, and what was. */
  readonly found?: { readonly input: string; readonly error: string }
}

const batch = 200
/** What is kept is short, so that it stays small in the repository. */
const longestKept = 2048
const mostKept = 150

/** Runs a target over what is mutated of inputs that have come to new code: the blocks that have run are counted by V8. */
export async function campaign(target: Target, options: CampaignOptions): Promise<Campaign> {
  const random = seeded(options.seed)
  const kept = existsSync(options.corpus)
    ? (JSON.parse(readFileSync(options.corpus, 'utf8')) as string[])
    : []
  const corpus = [...target.seeds, ...kept.map((text) => Buffer.from(text, 'base64'))]
  const blocks = new SeenBlocks(options.isGuided)
  let runs = 0
  const failed = async (input: Buffer): Promise<Campaign['found'] | undefined> => {
    runs++
    try {
      await target.run(input)
      return undefined
    } catch (cause) {
      return { input: input.toString('base64'), error: String((cause as Error).stack ?? cause) }
    }
  }
  for (const input of [...corpus]) {
    const found = await failed(input)
    if (found !== undefined) return { runs, blocks: blocks.size, corpus: corpus.length, found }
  }
  blocks.note(blocks.news())
  /** Some of them have come to new code; which, is found by halves, since looking takes far longer than running. */
  const attribute = async (inputs: readonly Buffer[], isKnown = false): Promise<void> => {
    if (!isKnown) {
      for (const input of inputs) await failed(input)
      const own = blocks.news()
      if (own.size === 0) return
      const [only] = inputs
      if (inputs.length === 1 && only !== undefined) {
        blocks.note(own)
        corpus.push(only)
        if (only.length <= longestKept) kept.push(only.toString('base64'))
        return
      }
    }
    const half = Math.ceil(inputs.length / 2)
    await attribute(inputs.slice(0, half))
    await attribute(inputs.slice(half))
  }
  const pick = (): Buffer => corpus[Math.floor(random() * corpus.length)] as Buffer
  while (runs < options.runs) {
    const inputs = Array.from({ length: batch }, () => mutate(pick(), pick(), random))
    for (const input of inputs) {
      const found = await failed(input)
      if (found !== undefined) return { runs, blocks: blocks.size, corpus: corpus.length, found }
    }
    const news = blocks.news()
    if (news.size === 0) continue
    await attribute(inputs, true)
    blocks.note(news)
  }
  if (options.save) writeFileSync(options.corpus, `${JSON.stringify(kept.slice(-mostKept), null, 0)}\n`)
  return { runs, blocks: blocks.size, corpus: corpus.length }
}

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { campaign } from './campaign.js'
import { targets } from './targets.js'

// The short form of `npm run fuzz`: what is kept in the corpus, and some more made of it.
vi.setConfig({ testTimeout: 120_000 })

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

it.each([...targets.values()])(
  `$name: nothing is wrong with what strangers send [FUZZ_SEED=${seed}]`,
  async (target) => {
    const corpus = fileURLToPath(new URL(`corpus/${target.name}.json`, import.meta.url))
    expect(existsSync(corpus)).toBe(true)
    const runs = target.isSlow === true ? 200 : 1000
    const { found, runs: made } = await campaign(target, { runs, seed, corpus, isGuided: false, save: false })
    expect(found).toBeUndefined()
    expect(made).toBeGreaterThanOrEqual(runs)
  },
)

it('finds what is wrong, by way of the code that it comes to', async () => {
  const thorough = targets.get('digest')
  let most = 0
  const { found, blocks } = await campaign(
    {
      name: 'broken',
      seeds: thorough?.seeds ?? [],
      async run(input) {
        await thorough?.run(input)
        if (input.includes('?1')) most++
        if (most > 3) throw new Error('three at once')
      },
    },
    { runs: 20_000, seed: 1, corpus: 'nowhere', isGuided: false, save: false },
  )
  expect(found?.error).toContain('three at once')
  expect(blocks).toBe(0)
})

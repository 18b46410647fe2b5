import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { runToEnd } from '../run-to-end.js'
import { Campaign } from './campaign.js'
import { instrument } from './instrument.js'
import type { Target } from './target.js'
import { targets } from './targets.js'

// The short form of `npm run fuzz`: what is kept in the corpus, and some more made of it.
vi.setConfig({ testTimeout: 300_000 })

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

it.each([...targets.values()])(
  `$name: nothing is wrong with what strangers send [FUZZ_SEED=${seed}]`,
  async (target) => {
    const file = fileURLToPath(new URL(`corpus/${target.name}.json`, import.meta.url))
    expect(existsSync(file)).toBe(true)
    const corpus = JSON.parse(readFileSync(file, 'utf8')) as string[]
    const campaign = new Campaign(target, { seed, corpus })
    expect(await campaign.run(1000)).toBeUndefined()
    expect(campaign.runs).toBeGreaterThanOrEqual(1000 + corpus.length)
  },
)

const target = (run: Target['run']): Target => ({
  name: 'broken',
  weight: 1,
  seeds: [Buffer.from('a=?0')],
  run,
})

it('finds what is wrong, and says of which input', async () => {
  const campaign = new Campaign(
    target((input) => {
      if (input.includes('?1')) throw new Error('that')
    }),
    { seed: 1, corpus: [] },
  )
  const found = await campaign.run(20_000)
  expect(found?.error).toContain('that')
  expect(Buffer.from(found?.input ?? '', 'base64').toString('latin1')).toContain('?1')
})

it('finds what takes long', async () => {
  const campaign = new Campaign(
    target((input) => {
      const before = process.cpuUsage()
      while (input.includes('?1') && process.cpuUsage(before).user < 500_000);
    }),
    { seed: 1, corpus: [] },
  )
  expect((await campaign.run(20_000))?.error).toBe('takes more than 400 ms')
})

it('counts every branch of a module, which does what it did before', () => {
  const source = `
    const size = (n) => n > 9 ? 'large' : n < 0 ? 'none' : 'small'
    function first(list, otherwise) {
      if (list.length === 0) return otherwise ?? { none: true }
      else if (list.length > 2) throw new RangeError('long')
      for (const one of list) if (one) return one
      return list[0] && list[0].name
    }
    function named(n) {
      switch (n) { case 0: case 1: return 'few'; default: { let i = 0; do i++; while (i < n); return i } }
    }
    class Box { #held = 1; get held() { return (() => this.#held)() } }
    const tried = (list) => { try { return first(list) } catch (cause) { return cause.name } }
    return [1, 20, -1].map(size).concat(tried([0, 5]), tried([1, 2, 3]), tried([]), tried([0]), named(0), named(7), new Box().held)`
  const { source: counted, count } = instrument(source, 3)
  const counts = new Uint8Array(100)
  const key = Symbol.for('countersign.fuzz')
  const world = globalThis as { [name: symbol]: unknown }
  let top = 0
  world[key] = {
    enter(next: number) {
      top = next
      return counts
    },
  }
  try {
    expect(new Function(counted)()).toEqual(new Function(source)())
  } finally {
    delete world[key]
  }
  const seen = [...counts].flatMap((times, branch) => (times > 0 ? [branch] : []))
  // All but the right side of the last `&&`, which nothing comes to.
  expect(seen.length).toBe(count - 1)
  expect(top).toBe(3 + count)
  expect(Math.min(...seen)).toBe(3)
  expect(Math.max(...seen)).toBeLessThan(3 + count)
})

it('is guided by the branches that inputs come to, in processes of its own', async () => {
  const main = fileURLToPath(new URL('../dist/fuzz/main.js', import.meta.url))
  const options = ['--target', 'digest', '--runs', '20000', '--processes', '1', '--seed', String(seed)]
  const { code, output } = await runToEnd(main, options)
  expect(code === 0 ? '' : output).toBe('')
  const [, runs, branches, corpus] =
    /digest: (\d+) inputs .*?, (\d+) branches, corpus of (\d+)/.exec(output) ?? []
  expect(Number(runs)).toBeGreaterThanOrEqual(20_000)
  expect(Number(branches)).toBeGreaterThan(20)
  expect(Number(corpus)).toBeGreaterThan(5)
})

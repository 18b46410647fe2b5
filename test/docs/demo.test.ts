import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const demo = fileURLToPath(new URL('../../examples/corner-shop/dist/demo.js', import.meta.url))

interface Line {
  readonly adapter: string
  readonly story: number
  readonly step: number
  readonly from: string
  readonly to: string
  readonly url: string
}

describe('the demo', () => {
  it('ends every story as told, the summary last, and brings mom to the page of the shop once', async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [demo, '--json'], {
      env: { ...process.env, NODE_V8_COVERAGE: '' },
      maxBuffer: 16 * 1024 * 1024,
      timeout: 110_000,
    })
    expect(stderr).toBe('')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const { stories, passed, adapters } = lines.pop()
    expect([passed, adapters]).toEqual([stories, ['express', 'fastify']])
    const exchanges = lines as Line[]
    expect(new Set(exchanges.map(({ story }) => story)).size).toBe(stories)
    const tab = exchanges.find(({ url }) => url.endsWith('/tab/bread'))?.story
    for (const adapter of adapters) {
      const told = exchanges.filter((line) => line.story === tab && line.adapter === adapter)
      expect(told.map(({ step }) => step)).toEqual(told.map((_, index) => index + 1))
      expect(told.filter(({ from }) => from === 'mom').map(({ to }) => to)).toEqual([
        'ps.example',
        'shop.example',
        'shop.example',
        'shop.example',
        'ps.example',
      ])
    }
  }, 120_000)
})

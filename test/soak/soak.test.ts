import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { redisBinary } from '../../packages/redis/src/testing/redis-server.js'
import { runToEnd } from '../run-to-end.js'
import { slope } from './growth.js'

// The short form of `npm run soak`; as built, since it starts processes.
vi.setConfig({ testTimeout: 300_000 })

const main = fileURLToPath(new URL('../dist/soak/main.js', import.meta.url))

it
  .runIf(redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required')
  .each(['express', 'fastify'])(
  'an instance with everything on loses nothing, leaks nothing and accounts for every request [adapter %s]',
  async (adapter) => {
    // Three minutes of everybody's time, so that issuers change their keys twice.
    const options = ['--minutes', '0.5', '--speed', '6', '--lanes', '4', '--adapter', adapter]
    const { code, output } = await runToEnd(main, options)
    expect(code === 0 ? '' : output).toBe('')
  },
)

it('says by how much something grows in a minute', () => {
  const points = Array.from({ length: 10 }, (_, n) => [n * 30_000, 7 + n * 2] as const)
  expect(slope(points)).toBeCloseTo(4)
  expect(slope([[5, 9]])).toBe(0)
})

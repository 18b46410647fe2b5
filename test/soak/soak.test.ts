import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { redisBinary } from '../../packages/redis/src/testing/redis-server.js'

// The short form of `npm run soak`; as built, since it starts processes.
vi.setConfig({ testTimeout: 300_000 })

const main = fileURLToPath(new URL('../dist/soak/main.js', import.meta.url))

it
  .runIf(redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required')
  .each(['express', 'fastify'])(
  'an instance with everything on loses nothing, leaks nothing and accounts for every request [adapter %s]',
  async (adapter) => {
    const child = spawn(process.execPath, [main, '--minutes', '0.5', '--adapter', adapter])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    const [code] = (await once(child, 'exit')) as [number]
    expect(code === 0 ? '' : output).toBe('')
  },
)

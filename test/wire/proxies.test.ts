import { createTown, type Town } from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type Seen } from './frames.js'
import { sendRaw } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/**
 * What the frameworks make of `X-Forwarded-Host: evil.example, good.example` and `X-Forwarded-Proto: https, http` on a
 * request from loopback to `inner:3000`. They differ from each other, which is why nothing of it may reach the verdict.
 */
const measured: Record<
  string,
  readonly [setting: boolean | number | string, host: string, protocol: string][]
> = {
  Express: [
    [false, 'inner:3000', 'http'],
    [true, 'evil.example', 'https'],
    [1, 'evil.example', 'https'],
    ['127.0.0.1/32', 'evil.example', 'https'],
    ['10.0.0.0/8', 'inner:3000', 'http'],
  ],
  Fastify: [
    [false, 'inner:3000', 'http'],
    [true, 'good.example', 'http'],
    [1, 'inner:3000', 'http'],
    ['127.0.0.1/32', 'good.example', 'http'],
    ['10.0.0.0/8', 'inner:3000', 'http'],
  ],
}

describe.each(frames)('behind proxies, on $name [adapter $adapter]', (frame) => {
  let town: Town
  beforeAll(async () => {
    town = await createTown()
  })
  afterAll(() => town.close())

  const [framework, version] = frame.name.split(' ') as [string, string]
  it.each(measured[framework] ?? [])(
    'trusting %j it sees %s over %s, and we verify for our name [H-11] [H-12]',
    async (trustProxy, host, protocol) => {
      const app = await frame.start({
        options: { resource: 'https://rs.example', fetch: town.fetch },
        trustProxy,
      })
      try {
        const sam = town.agent('sam')
        const forwarded = [
          ['X-Forwarded-Host', 'evil.example, good.example'],
          ['X-Forwarded-Proto', 'https, http'],
        ] as const
        const components = ['@method', '@authority', '@path', 'signature-key', '@scheme', '@target-uri']
        const inner = (lines: readonly string[]): string[] => ['Host', 'inner:3000', ...lines.slice(2)]
        const request = await sam.sign({ url: 'https://rs.example/v1/x', headers: forwarded }, { components })
        const response = await sendRaw(app.port, { ...request, rawHeaders: inner(request.rawHeaders) })
        expect(response.status).toBe(200)
        const seen = JSON.parse(response.body) as Seen
        // `hostname`, all that Express 4 has, leaves out the port.
        expect([seen.host, seen.protocol]).toEqual([
          version === '4' ? host.replace(/:\d+$/, '') : host,
          protocol,
        ])
        for (const name of ['evil.example', 'good.example', 'inner']) {
          const foreign = await sam.sign({ url: `https://${name}/v1/x`, headers: forwarded }, { components })
          const refused = await sendRaw(app.port, { ...foreign, rawHeaders: inner(foreign.rawHeaders) })
          expect(refused, name).toMatchObject({
            status: 401,
            headers: { 'signature-error': 'error=invalid_signature' },
          })
        }
      } finally {
        await app.close()
      }
    },
  )
})

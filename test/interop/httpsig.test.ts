import { createTown, type Town } from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type RunningFrame } from '../wire/frames.js'
import { IndependentAgent, routeFetch } from './independent-agent.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(frames)('@hellocoop/httpsig signs, and $name serves [adapter $adapter]', (frame) => {
  let town: Town
  let app: RunningFrame
  let unroute: () => void
  beforeAll(async () => {
    town = await createTown()
    app = await frame.start({ options: { resource: 'https://rs.example', fetch: town.fetch } })
    unroute = routeFetch(() => ({ 'rs.example': app.port }))
  })
  afterAll(async () => {
    unroute()
    await app.close()
    await town.close()
  })

  const agent = async (algorithm?: 'Ed25519' | 'ES256'): Promise<[IndependentAgent, string]> => {
    const independent = new IndependentAgent(algorithm)
    return [independent, await town.ap.mintAgentToken({ name: 'sam', cnf: independent.publicKey })]
  }
  const json = { 'Content-Type': 'application/json' }

  it.each(['Ed25519', 'ES256'] as const)(
    'with %s, without and with content [R-032] [H-61]',
    async (algorithm) => {
      const [sam, jwt] = await agent(algorithm)
      expect((await sam.fetch('https://rs.example/v1/x', jwt)).status).toBe(200)
      const posted = await sam.fetch('https://rs.example/v1/signed', jwt, {
        method: 'POST',
        body: '{"bread":2}',
        headers: json,
      })
      expect([posted.status, await posted.json()]).toMatchObject([200, { body: { bread: 2 } }])
    },
  )

  it.each([
    ['another label', 'https://rs.example/v1/x', { label: 'sig-b26' }],
    ['the default port', 'https://rs.example:443/v1/x', {}],
    ['an encoded path and a query', 'https://rs.example/v1/%7Ejoe/a%20b?q=%20x', {}],
    [
      'more components',
      'https://rs.example/v1/x',
      { components: ['@method', '@authority', '@path', '@scheme', '@target-uri', 'signature-key'] },
    ],
    [
      'a field',
      'https://rs.example/v1/x',
      {
        headers: { 'X-A': ' one ,  two ' },
        components: ['@method', '@authority', '@path', 'x-a', 'signature-key'],
      },
    ],
  ])('with %s', async (_, url, init) => {
    const [sam, jwt] = await agent()
    expect((await sam.fetch(url, jwt, init)).status).toBe(200)
  })

  it('and what covers too little is told so [R-044] [R-049]', async () => {
    const [sam, jwt] = await agent()
    const refused = await sam.fetch('https://rs.example/v1/x', jwt, {
      components: ['@method', '@authority', 'signature-key'],
    })
    expect(refused.headers.get('signature-error')).toBe(
      'error=invalid_input, required_input=("@method" "@authority" "@path" "signature-key")',
    )
  })

  it('except where it is not RFC 9421: its @query has no question mark [H-14]', async () => {
    const [sam, jwt] = await agent()
    const refused = await sam.fetch('https://rs.example/v1/x?q=1', jwt, {
      components: ['@method', '@authority', '@path', '@query', 'signature-key'],
    })
    expect(refused.headers.get('signature-error')).toBe('error=invalid_signature')
  })
})

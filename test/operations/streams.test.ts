import { createTown, type Town } from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Authority, createAuthority } from '../issuer/loopback.js'
import { fieldsOf } from '../neighbours/gateway.js'
import { blockOf, pageOf, replaced, sectionOf } from './page.js'
import { proxies } from './proxy.js'
import { streamExamples } from './stream-examples.js'

// The examples of docs/websocket-sse.md behind the proxies of docs/operations.md, with what the page adds to them.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const beside = sectionOf(pageOf('websocket-sse'), '## Behind proxies')
const before = { nginx: '  location / {', haproxy: '  timeout connect' }
const cases = proxies.flatMap((kind) =>
  kind.installed ? streamExamples.map((example) => ({ kind, example })) : [],
)

it.each(proxies)('docs/websocket-sse.md has what $name needs beside its configuration', ({ name }) => {
  expect(blockOf(beside, name)).toContain('1h')
})

describe.each(cases)('$example.name, behind $kind.name', ({ kind, example }) => {
  let authority: Authority
  let town: Town
  beforeAll(async () => {
    authority = await createAuthority()
    town = await createTown()
  })
  afterAll(() => town.close())

  it('refuses, opens, passes on at once, and ends with the denial of its caller', async () => {
    const sam = town.agent('sam')
    const running = await example.run({ resource: 'https://rs.example', fetch: town.fetch })
    const page = blockOf(sectionOf(pageOf('operations'), kind.heading), kind.name)
    const place = before[kind.name]
    const configuration = replaced(page, [
      [place, `${blockOf(beside, kind.name)}\n${place}`],
      // The examples have no /ready, which HAProxy asks for.
      ...(kind.name === 'haproxy' ? ([[' check inter 5s', '']] as const) : []),
    ])
    const proxy = await kind.start(configuration, running.port, authority)
    const connect = (headers: Record<string, string>) =>
      example.connect(proxy.port, headers, authority.certificate)
    const refused = await connect({ Host: 'rs.example' })
    expect(refused.status).toBe(401)
    refused.close()
    const connected = await connect(fieldsOf(await sam.sign({ url: `https://rs.example${example.path}` })))
    if (connected.ask === undefined) {
      expect(connected.status).toBe(200)
      await expect.poll(() => connected.received.join('')).toContain(sam.identifier)
    } else expect(await connected.ask('hello')).toBe(`${sam.identifier}: hello`)
    await running.aauth.denials.add({ subject: { key: sam.key.jkt } })
    await connected.ended
    await proxy.stop()
    await running.close()
  })
})

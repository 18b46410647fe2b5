import { once } from 'node:events'
import { connect } from 'node:net'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type RunningFrame, type Seen } from './frames.js'
import { sendRaw, toBytes } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** Writes and hangs up; everything that came back before the server did too. */
async function writeAll(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  // The server may hang up first, and a reset is as good an end as any.
  socket.on('error', () => undefined)
  socket.end(bytes)
  await once(socket, 'close')
  return text
}

describe.each(frames)('bytes of any kind, on $name [adapter $adapter]', (frame) => {
  let town: Town
  let sam: Agent
  let app: RunningFrame
  beforeAll(async () => {
    town = await createTown()
    sam = town.agent('sam')
    app = await frame.start({ options: { resource: 'https://rs.example', fetch: town.fetch } })
  })
  afterAll(async () => {
    await app.close()
    await town.close()
  })
  const good = () =>
    sam.sign({
      method: 'POST',
      url: 'https://rs.example/v1/signed',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })

  it('a byte changed, added or removed gets nothing else served than what was signed [HC-29] [N-032]', async () => {
    const sent = toBytes(await good())
    const edit = fc.record({
      at: fc.nat(sent.length - 1),
      remove: fc.nat(1),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 2 }),
        fc.constantFrom(...['\r\n', ' ', ':', ',', '%', '/', '"'].map((text) => Buffer.from(text))),
      ),
    })
    let served = 0
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, remove, insert }) => {
        const bytes = Buffer.concat([sent.subarray(0, at), insert, sent.subarray(at + remove)])
        const text = await writeAll(app.port, bytes)
        expect(text).not.toMatch(/^HTTP\/1\.1 5/)
        if (!text.startsWith('HTTP/1.1 200')) return
        served++
        const seen = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Seen
        expect(seen).toMatchObject({ target: '/v1/signed', body: { bread: 2 } })
      }),
      { numRuns: 80 },
    )
    // Host, Content-Length and the case of names are not covered.
    expect(served).toBeLessThan(40)
  })

  it('and garbage harms nobody who comes after it [HC-29]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await writeAll(app.port, bytes)
      }),
      { numRuns: 30 },
    )
    expect(await sendRaw(app.port, await good())).toMatchObject({ status: 200 })
  })
})

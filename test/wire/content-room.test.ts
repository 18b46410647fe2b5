import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type RunningFrame } from './frames.js'
import { sendRaw, toBytes } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const mebibyte = 1_048_576

describe.each(frames)('Content that never ends, on $name [adapter $adapter]', (frame) => {
  let town: Town
  let sam: Agent
  let app: RunningFrame
  const sockets: Socket[] = []
  beforeAll(async () => {
    town = await createTown()
    sam = town.agent('sam')
    app = await frame.start({ options: { resource: 'https://rs.example', fetch: town.fetch } })
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    }
  })
  afterAll(async () => {
    await app.close()
    await town.close()
  })

  const post = (length: number): Promise<WireRequest> =>
    sam.sign({
      method: 'POST',
      url: 'https://rs.example/v1/signed',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ bread: 'x'.repeat(length - 12) }),
    })

  /** Sends all but the last byte, and resolves with what comes back nevertheless. */
  const stall = async (request: WireRequest): Promise<string> => {
    const socket = connect(app.port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write(toBytes(request).subarray(0, -1))
    const [answer] = await once(socket, 'data')
    return String(answer)
  }

  it('is held up to 64 MiB by all requests together; the rest learns when to come again [H-62]', async () => {
    const request = await post(mebibyte)
    const answers: string[] = []
    const stalled = Array.from({ length: 80 }, async () => answers.push(await stall(request)))
    await Promise.any(stalled)
    expect(answers[0]).toMatch(/^HTTP\/1\.1 503 /)
    expect(answers[0]).toMatch(/\r\nretry-after: 1\r\n/i)
    expect(answers[0]).toContain('"error":"overloaded"')
    // Whoever sends at once is served meanwhile.
    for (const length of [100, 10_000, 90_000]) {
      expect(await sendRaw(app.port, await post(length))).toMatchObject({ status: 200 })
    }
    expect(answers.length).toBeLessThan(40)
    expect(new Set(answers.map((answer) => answer.slice(0, 12)))).toEqual(new Set(['HTTP/1.1 503']))
  })

  it('gives its room back when the client has gone', async () => {
    const request = await post(mebibyte)
    let refused = 0
    for (let i = 0; i < 3; i++) {
      for (const one of Array.from({ length: 40 }, () => stall(request))) {
        one.then(
          () => refused++,
          () => undefined,
        )
      }
      expect(await sendRaw(app.port, await post(90_000))).toMatchObject({ status: 200 })
      for (const socket of sockets.splice(0)) {
        const closed = once(socket, 'close')
        socket.destroy()
        await closed
      }
    }
    expect(refused).toBe(0)
  })
})

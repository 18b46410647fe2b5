import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
  setDefaultAutoSelectFamily,
} from 'node:net'
import { createGuardedFetch } from '@countersign/core'
import type { ResolvedAddress } from '@countersign/core/adapter'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

// A server that is stopped completes no handshake once its queue is full: the kernel drops the SYN, and the client's
// next one comes a second later. So its addresses are as slow as those of an issuer a long way off.
const program = `
  const server = require('node:net').createServer((socket) => socket.on('error', () => {}).destroy())
  server.listen({ host: '0.0.0.0', port: 0, backlog: 1 }, () => console.log(server.address().port))`

describe('an issuer with an address that leads nowhere from here', () => {
  let origin: Server
  let port: number
  let reached: number
  beforeEach(async () => {
    reached = 0
    origin = createServer((socket) => {
      reached++
      socket.on('error', () => {}).destroy()
    })
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    port = (origin.address() as AddressInfo).port
  })
  afterEach(() => {
    setDefaultAutoSelectFamily(true)
    origin.close()
  })

  // Nobody listens there; where there is no IPv6 at all it is the same.
  const nowhere = { address: '::1', family: 6 } as const
  const host = { privateHosts: ['far.example'] }

  it('is reached by the other family, whose address came too late at first (RFC 8305, 3)', async () => {
    const asked: unknown[] = []
    const guard = createGuardedFetch({
      ...host,
      resolve: async (_host, _signal, patient) => {
        asked.push(patient)
        const six = { ...nowhere, port }
        return patient === true ? [six, { address: '127.0.0.1', family: 4, port }] : [six]
      },
    })
    await expect(guard('https://far.example/')).rejects.toHaveProperty('code', 'ECONNRESET')
    expect([asked, reached]).toEqual([[undefined, true], 1])
  })

  it('is refused as it was where there is no other, and asked no second time once it was reached', async () => {
    const asked: unknown[] = []
    let found: ResolvedAddress = { ...nowhere, port }
    const guard = createGuardedFetch({
      ...host,
      resolve: async (_host, _signal, patient) => {
        asked.push(patient)
        return [found]
      },
    })
    await expect(guard('https://far.example/')).rejects.toHaveProperty('code')
    expect([asked, reached]).toEqual([[undefined, true], 0])
    found = { address: '127.0.0.1', family: 4, port }
    await expect(guard('https://far.example/')).rejects.toHaveProperty('code', 'ECONNRESET')
    expect([asked.length, reached]).toEqual([3, 1])
  })

  it('is reached where the process selects no family by itself', async () => {
    setDefaultAutoSelectFamily(false)
    const guard = createGuardedFetch({
      ...host,
      resolve: async () => [
        { ...nowhere, port },
        { address: '127.0.0.1', family: 4, port },
      ],
    })
    await expect(guard('https://far.example/')).rejects.toHaveProperty('code', 'ECONNRESET')
    expect(reached).toBe(1)
  })
})

let server: ChildProcess | undefined
const waiting: Socket[] = []
afterEach(() => {
  for (const socket of waiting.splice(0)) socket.destroy()
  server?.kill('SIGKILL')
})

it('tries an address for longer than the 250 ms that Node would, where its other address leads nowhere', async () => {
  server = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const port = Number(line.toString())
  server.kill('SIGSTOP')
  // Two fit into a queue of one.
  for (let index = 0; index < 2; index++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    waiting.push(socket)
    await once(socket, 'connect')
  }
  const guard = createGuardedFetch({
    privateHosts: ['far.example'],
    limits: { connectTimeout: 9000, timeout: 10_000 },
    resolve: async () => {
      // By now the first attempt has been dropped; from here on the server answers.
      setTimeout(() => server?.kill('SIGCONT'), 400)
      return [
        { address: '127.0.0.1', family: 4, port },
        // Nobody listens there; where there is no IPv6 at all it is the same.
        { address: '::1', family: 6, port },
      ]
    },
  })
  // It hangs up instead of speaking TLS; but it was reached.
  const failure = await guard('https://far.example/').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
  expect(failure?.code).toBe('ECONNRESET')
}, 15_000)

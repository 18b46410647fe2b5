import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createGuardedFetch } from '@countersign/core'
import { afterEach, expect, it } from 'vitest'

// A server that is stopped completes no handshake once its queue is full: the kernel drops the SYN, and the client's
// next one comes a second later. So its addresses are as slow as those of an issuer a long way off.
const program = `
  const server = require('node:net').createServer((socket) => socket.on('error', () => {}).destroy())
  server.listen({ host: '0.0.0.0', port: 0, backlog: 1 }, () => console.log(server.address().port))`

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

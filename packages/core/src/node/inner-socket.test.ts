import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { InnerSocket } from './inner-socket.js'

/** Sends `POST` with `content` over a connection within the process and gives what comes back. */
async function exchange(
  handle: (message: IncomingMessage, response: ServerResponse) => void,
  content = '',
): Promise<string> {
  const server = createServer({ keepAliveTimeout: 1 }, handle)
  const [near, far] = InnerSocket.pair()
  server.emit('connection', far)
  const outgoing = request({ method: 'POST', createConnection: () => near, headers: { Connection: 'close' } })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  outgoing.end(content)
  const [incoming] = await answered
  let text = ''
  for await (const chunk of incoming as AsyncIterable<Buffer>) text += chunk.toString()
  return text
}

describe('a connection within the process', () => {
  it('has every method of a socket, and each can be called', async () => {
    const called: string[] = []
    const text = await exchange(({ socket }, response) => {
      expect(socket).toBeInstanceOf(Socket)
      const leave = [
        'constructor',
        'connect',
        'pause',
        'end',
        'destroy',
        'destroySoon',
        'resetAndDestroy',
        'read',
      ]
      for (const name of Object.getOwnPropertyNames(Socket.prototype)) {
        const { get } = Object.getOwnPropertyDescriptor(Socket.prototype, name) ?? {}
        const value: unknown = (socket as unknown as Record<string, unknown>)[name]
        if (get !== undefined || typeof value !== 'function' || leave.includes(name) || name.startsWith('_'))
          continue
        ;(value as (ms: number) => unknown).call(socket, 200)
        called.push(name)
      }
      response.end('done')
    })
    expect(text).toBe('done')
    expect(called).toEqual(
      expect.arrayContaining(['setTimeout', 'setKeepAlive', 'setNoDelay', 'address', 'ref', 'unref']),
    )
  })

  it('has every method of a TLS socket, and each says that there is no session', async () => {
    const [near] = InnerSocket.pair()
    const methods = near as unknown as Record<string, (...args: readonly unknown[]) => unknown>
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(TLSSocket.prototype))) {
      if (typeof value !== 'function' || name.startsWith('_') || name === 'constructor') continue
      if (name === 'exportKeyingMaterial') expect(() => methods[name]?.(8, 'x')).toThrow('no TLS session')
      else expect(methods[name], name).toBeTypeOf('function')
    }
    expect([methods['getPeerCertificate']?.(), methods['getCipher']?.()]).toEqual([{}, {}])
    const renegotiated = new Promise((resolve) => methods['renegotiate']?.({}, resolve))
    expect(await renegotiated).toBeInstanceOf(Error)
  })

  it('has addresses that can be set', () => {
    const [near] = InnerSocket.pair()
    expect([near.address(), near.remoteAddress, near.pending, near.connecting]).toEqual([
      {},
      undefined,
      false,
      false,
    ])
    Object.assign(near, {
      remoteAddress: '192.0.2.1',
      localAddress: '::1',
      localPort: 80,
      localFamily: 'IPv6',
    })
    expect(near.remoteAddress).toBe('192.0.2.1')
    expect(near.address()).toEqual({ address: '::1', port: 80, family: 'IPv6' })
  })

  it('carries much in both directions, text in its encoding', async () => {
    const much = 'é'.repeat(300_000)
    const echoed = await exchange((message, response) => {
      let text = ''
      message.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      message.on('end', () => {
        for (const part of text.match(/.{1,1000}/gs) ?? []) response.write(part)
        response.end()
      })
    }, much)
    expect(echoed).toBe(much)
    const [near, far] = InnerSocket.pair()
    near.cork()
    near.write('é', 'latin1')
    near.write('68', 'hex')
    near.uncork()
    near.end()
    const chunks: Buffer[] = []
    for await (const chunk of far as AsyncIterable<Buffer>) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([0xe9, 0x68]))
    expect([near.bytesWritten, far.bytesRead]).toEqual([2, 2])
  })

  it.each(['destroy', 'destroySoon', 'resetAndDestroy'] as const)(
    'tells the other end when this one was broken off: %s',
    async (method) => {
      const broken = exchange(({ socket }) => void socket[method]())
      await expect(broken).rejects.toThrow(/hang up|ECONNRESET|aborted/)
    },
  )

  it('says when nothing has happened for as long as setTimeout says', async () => {
    const [near] = InnerSocket.pair()
    await once(near.setTimeout(1), 'timeout')
  })

  it('can be written to when the other end is gone, as a socket can', async () => {
    const [near, far] = InnerSocket.pair()
    far.destroy()
    const closed = once(near, 'close')
    near.on('error', () => {})
    near.write('late')
    await closed
    expect(near.destroyed).toBe(true)
  })
})

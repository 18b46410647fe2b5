import type { Server } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'

/** An answer as it came out of a server. */
export interface Received {
  readonly status: number
  /** The head, as text. */
  readonly head: string
  readonly body: string
}

const longestWait = 10_000

/** Sends bytes to a server over a connection within the process, and takes its whole answer. The server need not listen. */
export async function exchange(server: Server, bytes: Buffer): Promise<Received> {
  const [near, far] = duplexPair()
  server.emit('connection', far)
  near.write(bytes)
  const text = await whole(near)
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end)
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
  if (Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(text.slice(0, 200))}`)
  return { status, head, body: text.slice(end + 4) }
}

function whole(connection: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => {
      connection.destroy()
      reject(new Error('no answer comes'))
    }, longestWait)
    connection.setEncoding('latin1')
    connection.on('data', (chunk: string) => {
      text += chunk
    })
    connection.on('error', reject)
    connection.on('end', () => {
      clearTimeout(timer)
      connection.destroy()
      resolve(text)
    })
  })
}

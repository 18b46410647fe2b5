import type { IncomingMessage } from 'node:http'
import { connect, createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { announcesContent, captureContent } from './content.js'

const open: { close(): void }[] = []
afterEach(() => {
  for (const it of open.splice(0)) it.close()
})

async function listen(server: Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  return (server.address() as AddressInfo).port
}

/** What a parser reads that comes after us. */
async function parse(message: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('content under HTTP/2', () => {
  it.each([
    ['hello', true, '<hello> hello'],
    ['', true, '<> '],
    [undefined, false, '<> '],
  ])('%j', async (sent, announced, expected) => {
    const server = createServer(async (request, response) => {
      const message = request as unknown as IncomingMessage
      const content = await captureContent(message, 1000)
      response.end(
        `${`<${Buffer.from(content as Uint8Array).toString()}>`} ${await parse(request)}|${announcesContent(message)}`,
      )
    })
    const session = connect(`http://127.0.0.1:${await listen(server)}`)
    open.push(session)
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: sent === undefined })
    if (sent !== undefined) setImmediate(() => stream.end(sent))
    stream.setEncoding('utf8')
    let text = ''
    for await (const chunk of stream) text += chunk as string
    expect(text).toBe(`${expected}|${announced}`)
  })
})

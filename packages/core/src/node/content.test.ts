import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { contentDigest } from '../http/content-digest.js'
import { captureContent, isConsumed, readOn } from './content.js'

type Handler = (message: IncomingMessage, response: ServerResponse) => Promise<void>

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function listen(server: Pick<Server, 'listen' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        ;(server as Partial<Server>).closeAllConnections?.()
      }),
  )
  return (server.address() as AddressInfo).port
}

/** Serves, and returns a socket to the server. */
async function serve(handler: Handler): Promise<Socket> {
  const server = createServer((message, response) => {
    handler(message, response).catch((error: Error) => response.writeHead(500).end(error.message))
  })
  const socket = connect(await listen(server), '127.0.0.1')
  open.unshift(async () => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** All that comes back until `count` responses have been seen, whose bodies end with `;`. */
function answers(socket: Socket, count = 1): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (text.split(';').length <= count) return
      socket.off('data', read)
      resolve(text)
    }
    socket.on('data', read)
  })
}

/** What a parser reads that comes after us. */
async function parse(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const show = (content: Uint8Array | string): string =>
  typeof content === 'string' ? content : `<${Buffer.from(content).toString()}>`

const peekAndParse =
  (limit = 1000): Handler =>
  async (message, response) => {
    const content = await captureContent(message, limit)
    const parsed = typeof content === 'string' ? '-' : await parse(message)
    readOn(message, response)
    response.end(`${show(content)} ${parsed};`)
  }

const head = (...lines: string[]): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`

describe('content of a request, read and put back', () => {
  it('with Content-Length, in one piece and in several', async () => {
    const socket = await serve(peekAndParse())
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('<hello> hello;')
    const slow = await serve(peekAndParse())
    slow.write(`${head('Content-Length: 10')}hel`)
    setImmediate(() => slow.write('lo he'))
    setImmediate(() => setImmediate(() => slow.write('re')))
    expect(await answers(slow)).toContain('<hello here> hello here;')
  })

  it('in chunks', async () => {
    const socket = await serve(peekAndParse())
    socket.write(`${head('Transfer-Encoding: chunked')}5\r\nhello\r\n`)
    setImmediate(() => socket.write('5\r\n here\r\n0\r\n\r\n'))
    expect(await answers(socket)).toContain('<hello here> hello here;')
  })

  it('empty, without leaving a parser waiting', async () => {
    const socket = await serve(peekAndParse())
    socket.write(head('Content-Length: 0'))
    expect(await answers(socket)).toContain('<> ;')
    const chunked = await serve(peekAndParse())
    chunked.write(`${head('Transfer-Encoding: chunked')}0\r\n\r\n`)
    expect(await answers(chunked)).toContain('<> ;')
    const late = await serve(peekAndParse())
    late.write(head('Transfer-Encoding: chunked'))
    setImmediate(() => late.write('0\r\n\r\n'))
    expect(await answers(late)).toContain('<> ;')
  })

  it('large, and byte for byte', async () => {
    const size = 3_000_000
    const sent = Buffer.alloc(size, 'abcdefg')
    const socket = await serve(async (message, response) => {
      const content = await captureContent(message, size)
      const parsed = await parse(message)
      response.end(`${sent.equals(content as Uint8Array)} ${parsed === sent.toString()};`)
    })
    socket.write(head(`Content-Length: ${size}`))
    socket.write(sent)
    expect(await answers(socket)).toContain('true true;')
  })

  it('of two requests in one packet, each its own', async () => {
    const socket = await serve(peekAndParse())
    socket.write(`${head('Content-Length: 3')}one${head('Content-Length: 3')}two`)
    const text = await answers(socket, 2)
    expect(text).toContain('<one> one;')
    expect(text).toContain('<two> two;')
  })

  it('for a second reader on the same request', async () => {
    const socket = await serve(async (message, response) => {
      const first = await captureContent(message, 1000)
      const second = await captureContent(message, 1000)
      const parsed = await parse(message)
      response.end(`${show(first)} ${show(second)} ${show(await captureContent(message, 1000))} ${parsed};`)
    })
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('<hello> <hello> <hello> hello;')
  })

  it('for a second reader, no more than that one takes', async () => {
    const socket = await serve(async (message, response) => {
      const first = await captureContent(message, 1000)
      const second = await captureContent(message, 4)
      response.end(`${show(first)} ${show(second)} ${await parse(message)};`)
    })
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('<hello> too-large hello;')
  })

  it('after Expect: 100-continue', async () => {
    const socket = await serve(peekAndParse())
    socket.write(head('Content-Length: 5', 'Expect: 100-continue'))
    const [interim] = (await once(socket, 'data')) as [Buffer]
    expect(interim.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('hello')
    expect(await answers(socket)).toContain('<hello> hello;')
  })

  it('of a request whose parser is attached in the same turn', async () => {
    const socket = await serve(async (message, response) => {
      let parsed = ''
      const content = await captureContent(message, 1000)
      message.on('data', (chunk: Buffer) => {
        parsed += chunk.toString()
      })
      message.on('end', () => response.end(`${show(content)} ${parsed};`))
    })
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('<hello> hello;')
  })

  it('from rawBody, where the platform has read it before', async () => {
    const socket = await serve(async (message, response) => {
      const parsed = await parse(message)
      Object.assign(message, { rawBody: Buffer.from(parsed) })
      response.end(`${show(await captureContent(message, 4))} ${parsed};`)
    })
    socket.write(`${head('Content-Length: 4')}four`)
    expect(await answers(socket)).toContain('<four> four;')
    socket.write(`${head('Content-Length: 5')}fiver`)
    expect(await answers(socket)).toContain('too-large fiver;')
  })
})

describe('content that cannot be had', () => {
  it('is too large by its own word, without a byte being read', async () => {
    const socket = await serve(async (message, response) => {
      response.end(`${show(await captureContent(message, 4))} ${message.readableDidRead};`)
    })
    socket.write(head('Content-Length: 5'))
    expect(await answers(socket)).toContain('too-large false;')
  })

  it('is too large in fact, of which no more than the limit is kept', async () => {
    const socket = await serve(peekAndParse(4))
    const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`
    socket.write(head('Transfer-Encoding: chunked') + chunk.repeat(40))
    expect(await answers(socket)).toContain('too-large -;')
    // What was left of it is read and thrown away, so the connection is not stuck.
    socket.write(`0\r\n\r\n${head('Content-Length: 2')}ok`)
    expect(await answers(socket)).toContain('<ok> ok;')
  })

  it('is too large, and all there for whoever reads it nevertheless', async () => {
    const socket = await serve(async (message, response) => {
      const content = await captureContent(message, 4)
      const { length } = await parse(message)
      response.end(`${show(content)} ${length};`)
    })
    const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`
    socket.write(`${head('Transfer-Encoding: chunked') + chunk.repeat(40)}0\r\n\r\n`)
    expect(await answers(socket)).toContain(`too-large ${65_536 * 40};`)
    socket.write(`${head('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`)
    expect(await answers(socket)).toContain('too-large 5;')
  })

  it('was read by somebody else, or is being read', async () => {
    const socket = await serve(async (message, response) => {
      const parsed = await parse(message)
      response.end(`${show(await captureContent(message, 1000))} ${parsed};`)
    })
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('consumed hello;')
    const flowing = await serve(async (message, response) => {
      message.resume()
      response.end(`${show(await captureContent(message, 1000))};`)
    })
    flowing.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(flowing)).toContain('consumed;')
  })

  it('stops when the client goes away', async () => {
    let seen: (content: string) => void = () => {}
    const outcome = new Promise<string>((resolve) => {
      seen = resolve
    })
    const socket = await serve(async (message) => {
      setImmediate(() => socket.destroy())
      seen(show(await captureContent(message, 1000)))
    })
    socket.write(`${head('Content-Length: 5')}hel`)
    expect(await outcome).toBe('aborted')
    const gone = await serve(async (message) => {
      message.destroy()
      seen(show(await captureContent(message, 1000)))
    })
    gone.write(head('Content-Length: 5'))
    expect(await outcome).toBe('aborted')
  })
})

describe('content of streams that are not of Node’s HTTP parser', () => {
  const message = (stream: Readable, more: object = {}): IncomingMessage =>
    Object.assign(stream, { headers: {}, ...more }) as unknown as IncomingMessage

  it('is read and put back where no parser says that it is complete', async () => {
    const lazy = message(Readable.from([Buffer.from('hel'), Buffer.from('lo')], { objectMode: false }))
    expect([show(await captureContent(lazy, 1000)), await parse(lazy)]).toEqual(['<hello>', 'hello'])
    const empty = message(Readable.from([], { objectMode: false }))
    expect([show(await captureContent(empty, 1000)), await parse(empty)]).toEqual(['<>', ''])
  })

  it('is no longer waited for when nothing has come for a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const endless = message(new Readable({ read: () => {} }))
      const content = captureContent(endless, 1000)
      await Promise.resolve()
      await vi.advanceTimersByTimeAsync(59_000)
      endless.push('more')
      await new Promise(setImmediate)
      await vi.advanceTimersByTimeAsync(59_000)
      expect(await Promise.race([content, 'waiting'])).toBe('waiting')
      await vi.advanceTimersByTimeAsync(2000)
      expect(await content).toBe('aborted')
    } finally {
      vi.useRealTimers()
    }
  })

  it('is not taken for bytes when the stream gives objects', async () => {
    expect(await captureContent(message(Readable.from([{ a: 1 }])), 1000)).toBe('consumed')
  })
})

describe('content that somebody has read before us', () => {
  /** A request whose stream has been read to its end, with what its reader has left. */
  async function readBefore(text: string, headers: object, left: object): Promise<IncomingMessage> {
    const stream = Readable.from([Buffer.from(text)], { objectMode: false })
    for await (const chunk of stream) void chunk
    return Object.assign(stream, { headers, ...left }) as unknown as IncomingMessage
  }
  const json = (text: string): object => ({
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    'content-digest': contentDigest(Buffer.from(text)),
  })

  it.each([
    ['rawBody as bytes', { rawBody: Buffer.from('{"a":"é"}') }],
    ['rawBody as text', { rawBody: '{"a":"é"}' }],
    ['a body of bytes', { body: Buffer.from('{"a":"é"}') }],
    ['a body of text', { body: '{"a":"é"}' }],
  ])('is %s', async (_name, left) => {
    const text = '{"a":"é"}'
    expect(show(await captureContent(await readBefore(text, json(text), left), 1000))).toBe(`<${text}>`)
    expect(await captureContent(await readBefore(text, json(text), left), 5)).toBe('too-large')
  })

  it.each([
    ['nothing', {}],
    ['bytes that were inflated', { rawBody: Buffer.from('{"a":"éééé"}') }],
    ['an object that was parsed', { body: { a: 'é' } }],
  ])('is gone where it left %s', async (_name, left) => {
    const text = '{"a":"é"}'
    const message = await readBefore(text, json(text), left)
    expect(isConsumed(message)).toBe(true)
    expect(await captureContent(message, 1000)).toBe('consumed')
  })

  it.each<[string, object, object, boolean]>([
    ['bytes in no coding', {}, { rawBody: Buffer.from('{"a":"é"}') }, true],
    [
      'bytes that were inflated',
      { 'content-encoding': 'gzip' },
      { rawBody: Buffer.from('{"a":"é"}') },
      false,
    ],
    ['a body that was inflated', { 'content-encoding': 'gzip' }, { body: Buffer.from('{"a":"é"}') }, false],
    ['text, which may have been decoded', {}, { body: '{"a":"é"}' }, false],
    [
      'text with its digest',
      { 'content-digest': contentDigest(Buffer.from('{"a":"é"}')) },
      { body: '{"a":"é"}' },
      true,
    ],
    [
      'text with another digest',
      { 'content-digest': contentDigest(Buffer.from('x')) },
      { body: '{"a":"é"}' },
      false,
    ],
  ])('is not what came where nobody said how long it was: %s', async (_name, fields, left, counts) => {
    const headers = { 'transfer-encoding': 'chunked', ...fields }
    const content = await captureContent(await readBefore('whatever came', headers, left), 1000)
    expect(show(content)).toBe(counts ? '<{"a":"é"}>' : 'consumed')
  })

  it.each([
    ['Python', '{"a": "x,\\"y\\": z", "b": [1, 2]}'],
    ['Go, as a stream', '{"a":"x,\\"y\\": z","b":[1,2]}\n'],
    ['somebody in lines', '{\n  "a": "x,\\"y\\": z",\n  "b": [\n    1,\n    2\n  ]\n}\n'],
  ])('is written again as %s has written it', async (_name, text) => {
    const message = await readBefore(text, json(text), { body: JSON.parse(text) as object })
    expect(show(await captureContent(message, 1000, true))).toBe(`<${text}>`)
  })

  it('is written again for endpoints of our own, and has to be what came', async () => {
    const again = async (text: string, body: unknown, headers = json(text)): Promise<string> =>
      show(await captureContent(await readBefore(text, headers, { body }), 1000, true))
    expect(await again('{"a":"é"}', { a: 'é' })).toBe('<{"a":"é"}>')
    expect(await again('{ "a": "é" }', { a: 'é' })).toBe('consumed')
    expect(await again('{"a":1,"a":2}', { a: 2 })).toBe('consumed')
    // As long as what came, and something else.
    expect(await again('{"a":"x"}', { a: 'y' })).toBe('consumed')
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '11' }
    expect(await again('a=%C3%A9&b=', { a: 'é', b: '' }, form)).toBe('<a=%C3%A9&b=>')
    expect(await again('a[b]=cccccc', { a: { b: 'c' } }, form)).toBe('consumed')
    const circle: Record<string, unknown> = {}
    circle['circle'] = circle
    expect(await again('{"a":"é"}', circle)).toBe('consumed')
  })

  it('is not gone when it was we who read it', async () => {
    const socket = await serve(async (message, response) => {
      await captureContent(message, 1000)
      response.end(`${isConsumed(message)} ${await parse(message)} ${isConsumed(message)};`)
    })
    socket.write(`${head('Content-Length: 5')}hello`)
    expect(await answers(socket)).toContain('false hello false;')
  })
})

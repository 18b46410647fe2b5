import { connect } from 'node:net'

/** A request as bytes: nothing in it is added, tidied or checked. Text is latin1. */
export interface RawRequest {
  readonly method: string
  readonly target: string
  /** Field lines in order; a value is written as it is, surrounding whitespace and all. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string | Uint8Array | undefined
}

/** A response, its fields by lower-case name with all values in order. */
export interface RawResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

/** Writes a request to 127.0.0.1 and reads the response until the server closes. */
export function sendRaw(port: number, request: RawRequest): Promise<RawResponse> {
  return sendBytes(port, toBytes(request))
}

/** The bytes of a request. `Connection: close` is the one line added, so that the end of the response is known. */
export function toBytes({ method, target, headers, body = '' }: RawRequest): Buffer {
  const lines = [...headers, ['Connection', 'close'] as const].map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}

/** Writes bytes and reads the response. */
export function sendBytes(port: number, bytes: Uint8Array): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1')
      if (text === '') reject(new Error('the server closed without an answer'))
      else resolve(parseResponse(text))
    })
  })
}

function parseResponse(text: string): RawResponse {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  const body = text.slice(end + 4)
  const chunked = headers.get('transfer-encoding')?.includes('chunked') === true
  return { status: Number(statusLine.split(' ')[1]), headers, body: chunked ? joinChunks(body) : body }
}

function joinChunks(text: string): string {
  let rest = text
  let body = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    const length = Number.parseInt(rest.slice(0, line), 16)
    if (!(length > 0)) return body
    body += rest.slice(line + 2, line + 2 + length)
    rest = rest.slice(line + 4 + length)
  }
}

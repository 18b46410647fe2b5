import { connect } from 'node:net'
import type { WireRequest } from '@countersign/devkit'

/** A response as it was read from the socket. */
export interface RawResponse {
  readonly status: number
  /** Names in lower case; the first value of each. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The bytes of a request; nothing is checked, encoded or added. */
export function toBytes(request: WireRequest): Buffer {
  let head = `${request.method} ${request.target} HTTP/1.1\r\n`
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    head += `${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`
  }
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), request.body ?? new Uint8Array(0)])
}

/** Writes these bytes to 127.0.0.1 and reads one final response, whatever was wrong with the request. */
export function writeRaw(port: number, ...pieces: readonly (Uint8Array | string)[]): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const read: Buffer[] = []
    const finish = (): void => {
      const response = parseResponse(Buffer.concat(read).toString('latin1'))
      if (response === undefined) return
      socket.destroy()
      resolve(response)
    }
    socket.on('data', (chunk: Buffer) => {
      read.push(chunk)
      finish()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed without a response')))
    for (const piece of pieces) socket.write(piece)
  })
}

/** Writes a request and reads the response to it. */
export function sendRaw(port: number, request: WireRequest): Promise<RawResponse> {
  return writeRaw(port, toBytes(request))
}

function parseResponse(text: string): RawResponse | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(first.split(' ')[1])
  if (status === 100) return parseResponse(text.slice(end + 4))
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] ??= line.slice(colon + 1).trim()
  }
  const rest = text.slice(end + 4)
  if (headers['transfer-encoding'] === 'chunked') {
    return rest.endsWith('0\r\n\r\n') ? { status, headers, body: dechunk(rest) } : undefined
  }
  const length = Number(headers['content-length'] ?? 0)
  return rest.length < length ? undefined : { status, headers, body: rest.slice(0, length) }
}

function dechunk(text: string): string {
  const size = Number.parseInt(text, 16)
  const start = text.indexOf('\r\n') + 2
  return size === 0 ? '' : text.slice(start, start + size) + dechunk(text.slice(start + size + 2))
}

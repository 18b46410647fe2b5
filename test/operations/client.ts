import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { Agent, request as openRequest } from 'node:https'
import type { WireRequest } from '@countersign/devkit'

/** An answer as it came through the proxy. */
export interface ProxyAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** A client of a proxy: a connection that is kept open, over TLS. */
export interface Client {
  send(request: WireRequest): Promise<ProxyAnswer>
  close(): void
}

/** HTTP/1.1; with `Expect: 100-continue` the content is sent when the proxy asks for it. */
export function overHttp1(port: number, ca: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername: 'rs.example' })
  return {
    close: () => agent.destroy(),
    async send({ method, target, rawHeaders, body }) {
      const headers = [...rawHeaders]
      const outgoing = openRequest({
        agent,
        host: '127.0.0.1',
        port,
        method,
        path: target,
        headers: headers as never,
      })
      const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
      if (rawHeaders.some((name) => name.toLowerCase() === 'expect')) {
        outgoing.flushHeaders()
        await Promise.race([once(outgoing, 'continue'), answered])
      }
      outgoing.end(body)
      const [incoming] = await answered
      return {
        status: incoming.statusCode as number,
        headers: incoming.headers,
        body: await textOf(incoming),
      }
    },
  }
}

/** HTTP/2. */
export function overHttp2(port: number, ca: string): Client {
  const session: ClientHttp2Session = connect(`https://127.0.0.1:${port}`, { ca, servername: 'rs.example' })
  session.on('error', () => {})
  return {
    close: () => session.destroy(),
    async send({ method, host, target, rawHeaders, body }) {
      const headers: OutgoingHttpHeaders = { ':method': method, ':path': target, ':authority': host }
      for (let i = 0; i < rawHeaders.length; i += 2) {
        const name = (rawHeaders[i] as string).toLowerCase()
        if (name !== 'host' && name !== 'expect') headers[name] = rawHeaders[i + 1]
      }
      const stream = session.request(headers, { endStream: body === undefined })
      if (body !== undefined) stream.end(body)
      const [received] = (await once(stream, 'response')) as [Record<string, unknown>]
      return { status: Number(received[':status']), headers: received, body: await textOf(stream) }
    },
  }
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

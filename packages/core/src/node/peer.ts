import type { Socket } from 'node:net'
import type { PeerFacts } from '../http/message.js'

type AnySocket = Partial<Socket> & {
  readonly encrypted?: unknown
  readonly servername?: unknown
  readonly alpnProtocol?: unknown
}

/** The addresses and the kind of a connection. Read when a call is held, before the connection is gone. */
export function peerFacts(socket: object | null | undefined): PeerFacts {
  const {
    remoteAddress,
    remotePort,
    remoteFamily,
    localAddress,
    localPort,
    localFamily,
    encrypted,
    servername,
    alpnProtocol,
  } = (socket ?? {}) as AnySocket
  return {
    remoteAddress,
    remotePort,
    remoteFamily,
    localAddress,
    localPort,
    localFamily,
    encrypted: encrypted === true ? encrypted : undefined,
    servername: text(servername),
    alpnProtocol: text(alpnProtocol),
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

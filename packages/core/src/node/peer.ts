import type { Socket } from 'node:net'
import type { PeerFacts } from '../http/message.js'

type AnySocket = Partial<Socket> & {
  readonly encrypted?: unknown
  readonly servername?: unknown
  readonly alpnProtocol?: unknown
}

/** What a request's connection says of its two ends; read when a call is put aside, before the connection is gone. */
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
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(remotePort === undefined ? {} : { remotePort }),
    ...(remoteFamily === undefined ? {} : { remoteFamily }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
    ...(localFamily === undefined ? {} : { localFamily }),
    ...(encrypted === true ? { encrypted } : {}),
    ...(typeof servername === 'string' ? { servername } : {}),
    ...(typeof alpnProtocol === 'string' ? { alpnProtocol } : {}),
  }
}

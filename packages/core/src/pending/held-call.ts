import type { HeldCall } from '../http/endpoint.js'
import type { ContentFault, HttpRequest } from '../http/message.js'
import { hasBody } from '../http/message.js'

// Fields that are not stored: those of one connection (RFC 9110, 7.6.1), those that are set again when the content is
// sent again, and the signature fields, which have been verified and whose tokens do not belong in a store.
const notHeld: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
  'signature',
  'signature-input',
  'signature-key',
])

/**
 * A request as a held call, or why its content is not available.
 *
 * @param limit bytes of content
 */
export async function takeCall(request: HttpRequest, limit: number): Promise<HeldCall | ContentFault> {
  // Before the first await, because a closed connection has no addresses.
  const peer = request.peer?.() ?? {}
  const content = hasBody(request) ? await request.body?.(limit) : new Uint8Array(0)
  if (content === undefined) return 'consumed'
  if (typeof content === 'string') return content
  const { rawHeaders } = request
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    // The pseudo-header fields of HTTP/2 repeat the request line.
    if (!name.startsWith(':') && !notHeld.has(name.toLowerCase()))
      kept.push(name, rawHeaders[i + 1] as string)
  }
  return {
    method: request.method,
    target: request.target,
    rawHeaders: withHost(kept, rawHeaders),
    content: Buffer.from(content).toString('base64'),
    peer,
  }
}

function withHost(kept: readonly string[], rawHeaders: readonly string[]): readonly string[] {
  if (kept.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')) return kept
  const at = rawHeaders.indexOf(':authority')
  return at === -1 ? kept : ['Host', rawHeaders[at + 1] as string, ...kept]
}

import { isIP } from 'node:net'
import type { HttpRequest } from '../http/message.js'
import { viewNoted } from '../http/request-view.js'
import { isYes } from '../time/deadline.js'
import { ipaddr } from './ip.js'
import type { IssuerOptions } from './options.js'

/** Stands for all clients for whom the operator's function gives no usable address. */
const nobody = 'nobody'
/** An IPv6 address that contains an IPv4 address has up to 45 characters, and a zone has a name. */
const longest = 64

/**
 * Asks the operator's function for the client of a request; `undefined` if it is unknown. If the function throws, or
 * returns anything but an address, all such requests count as one client, so that the bound still applies.
 *
 * @param failed called with what is wrong, and with what was thrown
 */
export function clientOf(
  ask: NonNullable<IssuerOptions['clientAddress']>,
  request: HttpRequest,
  failed: (reason: string, thrown: unknown) => void,
): string | undefined {
  let reason = 'issuers.clientAddress returned no IP address'
  let thrown: unknown
  try {
    const answer: unknown = ask(viewNoted(request))
    if (answer === undefined) return undefined
    const client = typeof answer === 'string' ? clientName(answer) : undefined
    if (client !== undefined) return client
    // Otherwise a rejection would be unhandled.
    isYes(answer)
  } catch (error) {
    thrown = error
    reason = error instanceof Error ? error.message : 'issuers.clientAddress threw'
  }
  failed(reason, thrown)
  return nobody
}

/**
 * What counts as one client: an IPv4 address, however it is written, or the first 64 bits of an IPv6 address, because
 * a client with one address there has all of them. `undefined`: not an address.
 */
function clientName(address: string): string | undefined {
  if (address.length > longest || isIP(address) === 0) return undefined
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}

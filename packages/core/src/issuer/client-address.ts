import { isIP } from 'node:net'
import type { HttpRequest } from '../http/message.js'
import { viewNoted } from '../http/request-view.js'
import { isYes } from '../time/deadline.js'
import { ipaddr } from './ip.js'
import type { IssuerOptions } from './options.js'

/** All clients together of whom the operator's function says nothing that can be used. */
const nobody = 'nobody'
/** An IPv6 address with an IPv4 address in it has 45 characters, and a zone has a name. */
const longest = 64

/**
 * Asks the operator's function whose request it is; `undefined` where that is not known. A function that throws, or gives
 * anything but an address, makes one client of them all: the bound then holds for them together, rather than for none.
 *
 * @param failed told what is wrong, with what was thrown
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
    // What a promise rejects with is nobody's otherwise.
    isYes(answer)
  } catch (error) {
    thrown = error
    reason = error instanceof Error ? error.message : 'issuers.clientAddress threw'
  }
  failed(reason, thrown)
  return nobody
}

/**
 * What counts as one client: an IPv4 address, however it is written, or the first 64 bits of an IPv6 address, since who has
 * one address there has all of those. `undefined`: it is no address.
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

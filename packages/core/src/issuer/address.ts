import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

// Azure's own services answer every machine there; those of other clouds are on link-local or shared addresses.
const platformAddresses: ReadonlySet<string> = new Set(['168.63.129.16'])

/**
 * Whether an address is public unicast, the only kind a stranger may send us to (Signature-Key draft, 7.3).
 * IPv4 within IPv6 in all its forms (mapped, compatible, NAT64, 6to4, Teredo) and zone ids are not.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%') || platformAddresses.has(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  // ipaddr.js calls unassigned space unicast; outside 2000::/3 there is none (RFC 4291, 2.4).
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalUnicast)
}

/** The addresses that may be visited of all that a name server answered; a mixture is no reason to visit the others. */
export function publicAddresses<A extends { readonly address: string }>(answered: readonly A[]): A[] {
  return answered.filter(({ address }) => isPublicAddress(address))
}

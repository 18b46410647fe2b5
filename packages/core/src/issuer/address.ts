import { isIP } from 'node:net'
import { type IPv6, ipaddr } from './ip.js'

let globalUnicast: ReturnType<typeof ipaddr.IPv6.parseCIDR> | undefined

// Azure's platform services answer every machine at this address; those of other clouds use link-local or shared
// addresses.
const platformAddresses: ReadonlySet<string> = new Set(['168.63.129.16'])

/** Whether an address may be connected to. */
export type IsPublic = (address: string) => boolean

/**
 * Whether an address is public unicast, the only kind to which a stranger may send us (Signature-Key draft, 7.3).
 * IPv4 inside IPv6 in any form (mapped, compatible, NAT64, 6to4, Teredo) is not, and neither are zone ids.
 */
export const isPublicAddress: IsPublic = (address) => {
  if (isIP(address) === 0 || address.includes('%') || platformAddresses.has(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  // ipaddr.js reports unassigned space as unicast; there is none outside 2000::/3 (RFC 4291, 2.4).
  globalUnicast ??= ipaddr.IPv6.parseCIDR('2000::/3')
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalUnicast)
}

/** The lengths a NAT64 prefix may have (RFC 6052, 2.2). */
const nat64Lengths: ReadonlySet<number> = new Set([32, 40, 48, 56, 64, 96])

/** Whether `value` is a NAT64 prefix such as `64:ff9b::/96`: no bits beyond its length, and bits 64 to 71 zero. */
export function isNat64Prefix(value: string): boolean {
  const [, address = '', length = ''] = /^([0-9a-f:]+)\/([0-9]{2})$/.exec(value) ?? []
  if (isIP(address) !== 6 || !nat64Lengths.has(Number(length))) return false
  const bytes = ipaddr.IPv6.parse(address).toByteArray()
  return bytes[8] === 0 && bytes.slice(Number(length) / 8).every((byte) => byte === 0)
}

/**
 * As {@link isPublicAddress}, for a network behind NAT64: an address within the operator's prefix is checked as the
 * IPv4 address that it contains.
 *
 * @param prefix a valid one by {@link isNat64Prefix}
 */
export function createIsPublic(prefix: string | undefined): IsPublic {
  if (prefix === undefined) return isPublicAddress
  const range = ipaddr.IPv6.parseCIDR(prefix)
  return (address) => {
    if (isIP(address) !== 6 || address.includes('%')) return isPublicAddress(address)
    const parsed = ipaddr.IPv6.parse(address)
    return parsed.match(range) ? isPublicAddress(embeddedIPv4(parsed, range[1])) : isPublicAddress(address)
  }
}

/** The IPv4 address after a prefix, skipping byte 8. No other bits may be set (RFC 6052, 2.2). */
function embeddedIPv4(address: IPv6, prefixLength: number): string {
  const bytes = address.toByteArray()
  const rest = prefixLength === 96 ? bytes.slice(12) : withoutByte8(bytes).slice(prefixLength / 8)
  const isClean = (prefixLength === 96 || bytes[8] === 0) && rest.slice(4).every((byte) => byte === 0)
  return isClean ? rest.slice(0, 4).join('.') : ''
}

const withoutByte8 = (bytes: readonly number[]): number[] => [...bytes.slice(0, 8), ...bytes.slice(9)]

/** The addresses of a host that may be connected to. */
export function publicAddresses<A extends { readonly address: string }>(
  answered: readonly A[],
  isPublic: IsPublic = isPublicAddress,
): A[] {
  return answered.filter(({ address }) => isPublic(address))
}

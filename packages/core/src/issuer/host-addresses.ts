import { createIsPublic, isNat64Prefix, publicAddresses } from './address.js'
import type { ExchangeDeadline } from './exchange-deadline.js'
import { GuardError } from './fault.js'
import { createPublicResolve, type Resolve, type ResolvedAddress, resolvePrivate } from './resolve.js'
import { isSpecialName } from './special-names.js'

/** Finds the addresses of a host to which the guarded fetch may connect. */
export interface HostAddresses {
  /** @throws GuardError when there are none */
  of(host: string, signal: AbortSignal): Promise<ResolvedAddress[]>
  /**
   * The addresses of the other family, for when those of the family that answered first cannot be reached: names behind
   * NAT64 resolve more slowly, and some networks have only one family (RFC 8305, 3).
   */
  others(
    host: string,
    tried: readonly ResolvedAddress[],
    deadline: ExchangeDeadline,
  ): Promise<ResolvedAddress[]>
}

/** The options of the guarded fetch about addresses. */
interface AddressRules {
  readonly privateHosts?: readonly string[]
  readonly namedHosts?: readonly string[]
  readonly nat64Prefix?: string | undefined
  readonly resolve?: Resolve
}

/**
 * @param most addresses of one host
 * @throws TypeError when `nat64Prefix` is not a valid prefix
 */
export function createHostAddresses(options: AddressRules, most: number): HostAddresses {
  const privateHosts = new Set(options.privateHosts)
  const namedHosts = new Set(options.namedHosts)
  const { nat64Prefix } = options
  if (nat64Prefix !== undefined && !isNat64Prefix(nat64Prefix))
    throw new TypeError('option nat64Prefix: must be a NAT64 prefix, such as 64:ff9b::/96')
  const isPublic = createIsPublic(nat64Prefix)
  const resolvePublic = createPublicResolve({ isUsable: isPublic })

  const find = async (host: string, signal: AbortSignal, patient?: boolean): Promise<ResolvedAddress[]> => {
    const admitted = privateHosts.has(host)
    if (!admitted && !namedHosts.has(host) && isSpecialName(host))
      throw new GuardError('forbidden', `${host} is a special-use name`)
    const resolve = options.resolve ?? (admitted ? resolvePrivate : resolvePublic)
    const found = await resolve(host, signal, patient)
    const usable = admitted ? [...found] : publicAddresses(found, isPublic)
    if (usable.length === 0) throw new GuardError('forbidden', `${host} has no public address`)
    return usable
  }

  return {
    of: async (host, signal) => (await find(host, signal)).slice(0, most),
    async others(host, tried, deadline) {
      const families = new Set(tried.map(({ family }) => family))
      if (families.size > 1 || deadline.hasReached || deadline.signal.aborted) return []
      const all = await deadline.race(find(host, deadline.signal, true)).catch(() => [])
      return all.filter(({ family }) => !families.has(family)).slice(0, most)
    },
  }
}

import { lookup, Resolver } from 'node:dns/promises'

/** One address of a host. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
  /** Connect to this port instead of the URL's; for tests. */
  readonly port?: number
}

/** Finds a host's addresses, once for each connection. It rejects when there are none. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly ResolvedAddress[]>

/**
 * Resolves a stranger's host over DNS alone. `dns.lookup` would read the hosts file, walk search domains, and hold one
 * of libuv's four threads for as long as the stranger's name server likes.
 */
export const resolvePublic: Resolve = async (host, signal) => {
  const resolver = new Resolver({ timeout: 1500, tries: 2 })
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = [...addressesOf(four, 4), ...addressesOf(six, 6)]
    if (addresses.length === 0)
      throw four.status === 'rejected' ? four.reason : new Error('the host has no address')
    return addresses
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** Resolves a host that the operator named the way the operating system does. */
export const resolvePrivate: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }))

function addressesOf(result: PromiseSettledResult<string[]>, family: 4 | 6): ResolvedAddress[] {
  return result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : []
}

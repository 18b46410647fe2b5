import type { IncomingMessage } from 'node:http'
import { Agent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isHostName } from '../identifiers.js'
import { createIsPublic, isNat64Prefix, publicAddresses } from './address.js'
import { exchange, toResponse } from './exchange.js'
import { ExchangeDeadline } from './exchange-deadline.js'
import { GuardError } from './fault.js'
import { type IssuerLimits, issuerLimits } from './limits.js'
import { createPublicResolve, type Resolve, type ResolvedAddress, resolvePrivate } from './resolve.js'
import { isSpecialName } from './special-names.js'

/** Options of {@link createGuardedFetch}. */
export interface GuardOptions {
  /** Hosts, by exact name, that may resolve to addresses which are not public. Default: none. */
  readonly privateHosts?: readonly string[]
  /**
   * Hosts, by exact name, that are resolved although they have special-use names, such as `idp.internal`. Their
   * addresses must still be public. Default: none but `privateHosts`.
   */
  readonly namedHosts?: readonly string[]
  /**
   * The prefix by which this network reaches IPv4 over IPv6, such as `64:ff9b::/96` (RFC 6052). An address within it
   * is checked as the IPv4 address that it contains. Default: none, and such addresses are refused.
   */
  readonly nat64Prefix?: string | undefined
  /** Finds a host's addresses. Default: DNS; for `privateHosts` the operating system's resolver. */
  readonly resolve?: Resolve
  /** Certificate authorities (PEM) trusted instead of Node's. */
  readonly ca?: string | readonly string[]
  /** Default {@link issuerLimits}; `jwksBytes` bounds every response. */
  readonly limits?: Partial<Pick<IssuerLimits, GuardLimit>>
}
type GuardLimit = 'addresses' | 'connectTimeout' | 'timeout' | 'headerBytes' | 'jwksBytes'

/**
 * Makes a `fetch` for URLs that strangers chose. It allows only HTTPS and host names. It refuses special-use names
 * without asking DNS, resolves a name once, and drops every address that is not public unicast. It connects only to a
 * checked address, and verifies the certificate for the name (TLS 1.2 or later). It returns redirects and never
 * follows them, accepts no content coding, and bounds headers, body and time. Each call opens its own connection: a
 * reused one could fail through no fault of the issuer, which would then not be asked again for a minute.
 *
 * The result rejects with {@link GuardError} when the guard refuses, otherwise with the network's error.
 *
 * @throws TypeError when `nat64Prefix` is not a valid prefix
 *
 * @example
 * ```ts
 * import { createGuardedFetch } from '@countersign/core'
 *
 * const fetchGuarded = createGuardedFetch({ privateHosts: ['idp.corp.example'] })
 * const response = await fetchGuarded('https://idp.corp.example/.well-known/aauth-person.json')
 * ```
 */
export function createGuardedFetch(options: GuardOptions = {}): typeof globalThis.fetch {
  const limits = { ...issuerLimits, ...options.limits }
  const privateHosts = new Set(options.privateHosts)
  const namedHosts = new Set(options.namedHosts)
  const { nat64Prefix } = options
  if (nat64Prefix !== undefined && !isNat64Prefix(nat64Prefix))
    throw new TypeError('option nat64Prefix: must be a NAT64 prefix, such as 64:ff9b::/96')
  const isPublic = createIsPublic(nat64Prefix)
  const resolvePublic = createPublicResolve({ isUsable: isPublic })
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 })
  const ca = options.ca === undefined ? {} : { ca: [options.ca].flat() }

  const addressesOf = async (
    host: string,
    signal: AbortSignal,
    patient?: boolean,
  ): Promise<ResolvedAddress[]> => {
    const admitted = privateHosts.has(host)
    if (!admitted && !namedHosts.has(host) && isSpecialName(host))
      throw new GuardError('forbidden', `${host} is a special-use name`)
    const resolve = options.resolve ?? (admitted ? resolvePrivate : resolvePublic)
    const found = await resolve(host, signal, patient)
    const usable = admitted ? [...found] : publicAddresses(found, isPublic)
    if (usable.length === 0) throw new GuardError('forbidden', `${host} has no public address`)
    return patient === true ? usable : usable.slice(0, limits.addresses)
  }

  /**
   * The addresses of the other family, for when those of the family that answered first cannot be reached: names
   * behind NAT64 resolve more slowly, and some networks have only one family (RFC 8305, 3).
   */
  const othersOf = async (
    host: string,
    tried: readonly ResolvedAddress[],
    deadline: ExchangeDeadline,
  ): Promise<ResolvedAddress[]> => {
    const families = new Set(tried.map(({ family }) => family))
    if (families.size > 1 || deadline.hasReached || deadline.signal.aborted) return []
    const all = await deadline.race(addressesOf(host, deadline.signal, true)).catch(() => [])
    return all.filter(({ family }) => !families.has(family)).slice(0, limits.addresses)
  }

  return async (input, init) => {
    const request = new Request(input, init)
    const url = checkUrl(request.url)
    const content = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const deadline = new ExchangeDeadline(request.signal, limits)
    try {
      const reach = (addresses: readonly ResolvedAddress[]): Promise<IncomingMessage> =>
        exchange(
          {
            ...ca,
            agent,
            method: request.method,
            host: url.hostname,
            servername: url.hostname,
            port: addresses[0]?.port ?? (url.port === '' ? 443 : Number(url.port)),
            path: url.pathname + url.search,
            headers: {
              ...Object.fromEntries(request.headers),
              host: url.host,
              'accept-encoding': 'identity',
            },
            lookup: answering(addresses),
            // Set here, whatever the process sets for its own connections.
            autoSelectFamily: true,
            autoSelectFamilyAttemptTimeout: attemptTimeout(addresses.length, limits.connectTimeout),
            signal: deadline.signal,
            minVersion: 'TLSv1.2',
            rejectUnauthorized: true,
            maxHeaderSize: limits.headerBytes,
            insecureHTTPParser: false,
          },
          content,
          deadline,
        )
      const addresses = await deadline.race(addressesOf(url.hostname, deadline.signal))
      const response = await reach(addresses).catch(async (cause: unknown) => {
        const others = await othersOf(url.hostname, addresses, deadline)
        if (others.length === 0) throw cause
        return reach(others)
      })
      return toResponse(response, limits.jwksBytes, deadline)
    } catch (error) {
      deadline.end()
      throw error
    }
  }
}

function checkUrl(href: string): URL {
  const url = new URL(href)
  if (url.protocol !== 'https:') throw new GuardError('forbidden', 'the URL is not https')
  if (!isHostName(url.hostname)) throw new GuardError('forbidden', 'the host of the URL is no host name')
  return url
}

/**
 * A lookup that returns the checked addresses. There is no second resolution that could return others (Signature-Key
 * draft, 7.3).
 */
function answering(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, done) => {
    const [first] = addresses as [ResolvedAddress]
    if (options.all === true) done(null, [...addresses])
    else done(null, first.address, first.family)
  }
}

/**
 * How long one address is tried before the next, in milliseconds. Node's default of 250 is too short for an issuer on
 * the other side of the world, or after a lost first packet. All addresses fit within `connectTimeout`.
 */
function attemptTimeout(addresses: number, connectTimeout: number): number {
  return Math.max(250, Math.floor(connectTimeout / addresses))
}

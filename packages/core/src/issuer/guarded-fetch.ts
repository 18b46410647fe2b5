import type { IncomingMessage } from 'node:http'
import { Agent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isHostName } from '../identifiers.js'
import { exchange, toResponse } from './exchange.js'
import { ExchangeDeadline } from './exchange-deadline.js'
import { GuardError } from './fault.js'
import { createHostAddresses } from './host-addresses.js'
import { type IssuerLimits, issuerLimits } from './limits.js'
import type { Resolve, ResolvedAddress } from './resolve.js'

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
  const addresses = createHostAddresses(options, limits.addresses)
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 })
  const ca = options.ca === undefined ? {} : { ca: [options.ca].flat() }

  return async (input, init) => {
    const request = new Request(input, init)
    const url = checkUrl(request.url)
    const content = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const deadline = new ExchangeDeadline(request.signal, limits)
    const send = (to: readonly ResolvedAddress[]): Promise<IncomingMessage> =>
      exchange(
        {
          ...ca,
          agent,
          method: request.method,
          host: url.hostname,
          servername: url.hostname,
          port: to[0]?.port ?? (url.port === '' ? 443 : Number(url.port)),
          path: url.pathname + url.search,
          headers: {
            ...Object.fromEntries(request.headers),
            host: url.host,
            'accept-encoding': 'identity',
          },
          lookup: answering(to),
          // Set here, whatever the process sets for its own connections.
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: attemptTimeout(to.length, limits.connectTimeout),
          signal: deadline.signal,
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
          maxHeaderSize: limits.headerBytes,
          insecureHTTPParser: false,
        },
        content,
        deadline,
      )
    try {
      const first = await deadline.race(addresses.of(url.hostname, deadline.signal))
      const response = await send(first).catch(async (cause: unknown) => {
        const others = await addresses.others(url.hostname, first, deadline)
        if (others.length === 0) throw cause
        return send(others)
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

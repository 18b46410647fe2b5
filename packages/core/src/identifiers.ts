// RFC 1035 labels as AAuth 11.1.1 narrows them: lower case, A-labels, host names only. The last label must not be all
// digits, which is how URL parsers tell an IPv4 address from a name.
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const hostName = new RegExp(`^(?=.{1,253}$)(?:${label}\\.)*(?!(?:[0-9]+|0x[0-9a-f]*)$)${label}$`)

/** Whether `host` is a lower-case host name without port: no IP literal, no trailing dot (AAuth 11.1.1). */
export function isHostName(host: string): boolean {
  return hostName.test(host)
}

/**
 * Whether `value` is a server identifier (AAuth 11.1.1): `https`, host only, lower case, no port, no path, no trailing
 * slash. Identifiers are compared as exact strings, so nothing is ever normalised.
 *
 * @example
 * ```ts
 * import { isServerIdentifier } from '@countersign/core/issuer'
 *
 * console.log(isServerIdentifier('https://ps.example')) // true
 * console.log(isServerIdentifier('https://ps.example/')) // false
 * ```
 */
export function isServerIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('https://') && isHostName(value.slice(8))
}

/** The host of a server identifier that has been checked. */
export function hostOf(identifier: string): string {
  return identifier.slice(8)
}

/** An agent identifier's parts: `aauth:local@domain` (AAuth 5.2). */
export interface AgentIdentifier {
  readonly local: string
  readonly domain: string
}

/** Reads an agent identifier; `undefined` when it is none. The local part is never interpreted. */
export function parseAgentIdentifier(value: unknown): AgentIdentifier | undefined {
  if (typeof value !== 'string') return undefined
  const match = /^aauth:([A-Za-z0-9\-_+.]{1,255})@([^@]+)$/.exec(value)
  if (match === null) return undefined
  const [, local, domain] = match as unknown as [string, string, string]
  return isHostName(domain) ? { local, domain } : undefined
}

/**
 * Whether `value` is an endpoint URL (AAuth 11.1.2): `https`, no userinfo, no query, no fragment. With `sameHostAs`,
 * its host must be that identifier's.
 *
 * @example
 * ```ts
 * import { isEndpointUrl } from '@countersign/core/issuer'
 *
 * console.log(isEndpointUrl('https://ps.example/token')) // true
 * console.log(isEndpointUrl('https://ps.example/token?x=1')) // false
 * ```
 */
export function isEndpointUrl(value: unknown, sameHostAs?: string): value is string {
  if (typeof value !== 'string' || !value.startsWith('https://') || /[?#\\\s]/.test(value)) return false
  const slash = value.indexOf('/', 8)
  const host = slash === -1 ? value.slice(8) : value.slice(8, slash)
  if (!/^[a-z0-9.-]+(?::[0-9]{1,5})?$/.test(host)) return false
  return sameHostAs === undefined || host === hostOf(sameHostAs)
}

/**
 * Whether a value names a user of the application. `undefined` comes from a misspelt member and a blank text from an
 * empty column, so neither counts as a name.
 */
export function isUser(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

/**
 * The URL of one of our own endpoints.
 *
 * @throws TypeError when the path makes no endpoint URL
 */
export function ownUrl(resource: string, urlPath: string): string {
  const url = `${resource}${urlPath}`
  if (!isEndpointUrl(url, resource))
    throw new TypeError(
      `option paths: ${urlPath} must make an endpoint URL: / and more, without ?, #, \\ or spaces`,
    )
  return url
}

import { getDomain } from 'tldts-icann'

const asGiven = { extractHostname: false, validateHostname: false }

/**
 * The registrable domain of a server identifier: what somebody has to buy. Names below it cost nothing, and one wildcard
 * certificate serves them all, so whoever shares something with strangers shares it by this and never by identifier.
 * Of the public suffixes only the registries' count: names below a hosting company's domain cost nothing either.
 */
export function siteOf(issuer: string): string {
  const host = issuer.startsWith('https://') ? issuer.slice(8) : issuer
  return getDomain(host, asGiven) ?? host
}

import nodeModule from 'node:module'

const asGiven = { extractHostname: false, validateHostname: false }

/** The public suffix list. It is turned into a tree when it is first used; scripts/bundle.mjs refers to this line. */
let suffixes: typeof import('tldts-icann') | undefined
function loadSuffixes(): typeof import('tldts-icann') {
  return nodeModule.createRequire(import.meta.url)('tldts-icann') as typeof import('tldts-icann')
}

/**
 * The registrable domain of a server identifier: the part that somebody has to buy. Names below it are free, and one
 * wildcard certificate serves them all. So bounds that unnamed issuers share are shared by site, never by identifier.
 * Only the registries' public suffixes count, because names below a hosting company's domain are free too.
 */
export function siteOf(issuer: string): string {
  const host = issuer.startsWith('https://') ? issuer.slice(8) : issuer
  suffixes ??= loadSuffixes()
  return suffixes.getDomain(host, asGiven) ?? host
}

/**
 * Whether a site may take one more of something that sites share (the rate of discoveries, slots of the queue, bytes
 * of the store). It may have at most a third of what is then left for others, so that a few sites never take
 * everything; a single site gets a quarter. One is always allowed while any is left.
 *
 * @param own what the site has taken
 * @param free what nobody has taken
 * @param kept what is reserved for sites that have taken nothing yet
 */
export function mayTake(own: number, free: number, kept: number = 0): boolean {
  return free - kept >= 1 && (own === 0 || own + 1 <= (free - 1) / 3)
}

/**
 * What happened within a day to a site of which no token has verified: it was not asked for (`first`), a discovery
 * was asked for and not begun (`turnedAway`), or one was begun (`fetched`).
 */
export type Standing = 'first' | 'turnedAway' | 'fetched'

/**
 * The part of a shared bound that a site of each {@link Standing} may not take. It is reserved for sites that come
 * for the first time, which find a slot even while many others ask repeatedly.
 */
export const keptFrom: Readonly<Record<Standing, number>> = { first: 0, turnedAway: 1 / 8, fetched: 1 / 4 }

import nodeModule from 'node:module'

const asGiven = { extractHostname: false, validateHostname: false }

/** The public suffixes, made into a tree when they are first asked for; scripts/bundle.mjs knows this line. */
let suffixes: typeof import('tldts-icann') | undefined
function loadSuffixes(): typeof import('tldts-icann') {
  return nodeModule.createRequire(import.meta.url)('tldts-icann') as typeof import('tldts-icann')
}

/**
 * The registrable domain of a server identifier: what somebody has to buy. Names below it cost nothing, and one wildcard
 * certificate serves them all, so what issuers share that nobody has named is shared by this and never by identifier.
 * Of the public suffixes only the registries' count: names below a hosting company's domain cost nothing either.
 */
export function siteOf(issuer: string): string {
  const host = issuer.startsWith('https://') ? issuer.slice(8) : issuer
  suffixes ??= loadSuffixes()
  return suffixes.getDomain(host, asGiven) ?? host
}

/**
 * Whether a site may take one more of a bound that sites share (the rate of discoveries, slots of the queue, bytes of the
 * store): at most a third of what is then left for others, so that a few sites never take all; a site that is alone gets a
 * quarter. One is always allowed while any is left.
 *
 * @param own what the site has taken
 * @param free what nobody has
 * @param kept what is kept for others than this site: for those who have taken nothing yet
 */
export function mayTake(own: number, free: number, kept: number = 0): boolean {
  return free - kept >= 1 && (own === 0 || own + 1 <= (free - 1) / 3)
}

/**
 * What happened within a day to a site of which no token has verified: nothing of it was asked for (`first`), a discovery was
 * asked for and not begun (`turnedAway`), or something of it was fetched (`fetched`).
 */
export type Standing = 'first' | 'turnedAway' | 'fetched'

/**
 * The part of a shared bound that a site of each {@link Standing} may not take. It is kept for sites that come for the first
 * time: they find a slot even while many others ask again and again.
 */
export const keptFrom: Readonly<Record<Standing, number>> = { first: 0, turnedAway: 1 / 8, fetched: 1 / 4 }

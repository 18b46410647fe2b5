import nodeModule from 'node:module'

const asGiven = { extractHostname: false, validateHostname: false }

/** The public suffixes, made into a tree when they are first asked for; scripts/bundle.mjs knows this line. */
let suffixes: typeof import('tldts-icann') | undefined
function loadSuffixes(): typeof import('tldts-icann') {
  return nodeModule.createRequire(import.meta.url)('tldts-icann') as typeof import('tldts-icann')
}

/**
 * The registrable domain of a server identifier: what somebody has to buy. Names below it cost nothing, and one wildcard
 * certificate serves them all, so whoever shares something with strangers shares it by this and never by identifier.
 * Of the public suffixes only the registries' count: names below a hosting company's domain cost nothing either.
 */
export function siteOf(issuer: string): string {
  const host = issuer.startsWith('https://') ? issuer.slice(8) : issuer
  suffixes ??= loadSuffixes()
  return suffixes.getDomain(host, asGiven) ?? host
}

/**
 * Whether a site may take one more of what strangers share: a third of what is then left for others, so that no few of
 * them leave nothing for the next; alone it gets a quarter. The first one is anybody's while there is any.
 *
 * @param own what the site has taken
 * @param free what nobody has
 * @param kept what is kept for others than this site: for those who have taken nothing yet
 */
export function mayTake(own: number, free: number, kept: number = 0): boolean {
  return free - kept >= 1 && (own === 0 || own + 1 <= (free - 1) / 3)
}

/**
 * How a site of which no token has verified stands within a day: nothing of it has been asked for (`first`), it was asked for
 * in vain (`turnedAway`), or something of it was fetched (`fetched`).
 */
export type Standing = 'first' | 'turnedAway' | 'fetched'

/**
 * The part of what strangers share that is kept for sites that stand better. So a domain takes the place of one that comes
 * for the first time once, at its first request: where many come at once, who comes after them does not queue behind them.
 */
export const keptFrom: Readonly<Record<Standing, number>> = { first: 0, turnedAway: 1 / 8, fetched: 1 / 4 }

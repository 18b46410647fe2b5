import given from 'ipaddr.js'

/**
 * Under its own name, so that the published package loads it with the first address that is checked
 * (scripts/bundle.mjs).
 */
export const ipaddr: typeof given = given

export type IPv6 = given.IPv6

import given from 'ipaddr.js'

/** By a name of its own: what is published loads it with the first address that is looked at (scripts/bundle.mjs). */
export const ipaddr: typeof given = given

export type IPv6 = given.IPv6

import { hostOf } from '../identifiers.js'
import type { GuardOptions } from './guarded-fetch.js'
import type { IssuerOptions } from './options.js'

/** What of the operator's word on issuers concerns the guard. */
export type GuardedIssuers = Pick<
  IssuerOptions,
  'allow' | 'prewarm' | 'keyHosts' | 'privateHosts' | 'nat64Prefix'
>

/**
 * The guard's options: whoever was named may be asked for, whatever the name; addresses are another matter.
 *
 * @param named further identifiers that the operator named
 */
export function guardFor(issuers: GuardedIssuers, named: readonly string[]): GuardOptions {
  const { allow = [], prewarm = [], keyHosts = {}, privateHosts = [], nat64Prefix } = issuers
  const identifiers = [...allow, ...prewarm.map(({ issuer }) => issuer), ...named]
  const hosts = Object.values(keyHosts).flat()
  return {
    privateHosts,
    namedHosts: [...identifiers.map(hostOf), ...hosts.map((host) => host.replace(/:[0-9]+$/, ''))],
    nat64Prefix,
  }
}

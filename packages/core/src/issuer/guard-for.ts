import { hostOf } from '../identifiers.js'
import type { GuardOptions } from './guarded-fetch.js'
import type { IssuerOptions } from './options.js'

/** The options of issuers that the guarded fetch depends on. */
export type GuardedIssuers = Pick<
  IssuerOptions,
  'allow' | 'prewarm' | 'keyHosts' | 'privateHosts' | 'nat64Prefix'
>

/**
 * The options of the guarded fetch that follow from the issuer options. Hosts that the operator named may have
 * special-use names, but their addresses must still be public.
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

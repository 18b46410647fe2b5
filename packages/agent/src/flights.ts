import type { HeldToken } from './held.js'
import type { Wallet } from './wallet.js'

/** Tokens that are being fetched, by kind and resource; each resolves with `undefined` when the fetch fails. */
export type Flights = Map<string, Promise<HeldToken | undefined>>

const flights = new WeakMap<Wallet, Flights>()

/** The fetches that are running for a wallet. Only agents that share a wallet share tokens. */
export function flightsOf(wallet: Wallet): Flights {
  const known = flights.get(wallet)
  if (known !== undefined) return known
  const made: Flights = new Map()
  flights.set(wallet, made)
  return made
}

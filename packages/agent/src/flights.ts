import type { HeldToken } from './held.js'
import type { Wallet } from './wallet.js'

/** Tokens that are being fetched; each resolves with `undefined` where that came to nothing. */
export type Flights = Map<string, Promise<HeldToken | undefined>>

const flights = new WeakMap<Wallet, Flights>()

/** What is being fetched for a wallet: whoever shares it may have each other's tokens, and nobody else may. */
export function flightsOf(wallet: Wallet): Flights {
  const known = flights.get(wallet)
  if (known !== undefined) return known
  const made: Flights = new Map()
  flights.set(wallet, made)
  return made
}

import { createKey, type Key, mintAuthToken, type RawRequest, signRequest, unsigned } from '../world.js'

/** A request with a new token, or without one. */
export interface Stranger {
  readonly request: RawRequest
  readonly served: boolean
}

/** In turn: an agent that is new, a forged token, and no signature at all. */
export function createStrangers(issuer: Key, count: number): readonly Stranger[] {
  const forger: Key = { ...createKey(), kid: issuer.kid }
  const signed = (by: Key): RawRequest => {
    const key = createKey()
    return signRequest(mintAuthToken(by, key), key)
  }
  const makers = [
    (): Stranger => ({ request: signed(issuer), served: true }),
    (): Stranger => ({ request: signed(forger), served: false }),
    (): Stranger => ({ request: unsigned, served: false }),
  ]
  return Array.from({ length: count }, (_, i) => (makers[i % makers.length] as () => Stranger)())
}

import { sodium } from '../sodium.js'
import { issuerFetch, newSigningJwk, resource } from '../world.js'
import type { Cast } from './cast.js'
import type { ServerPlan } from './series.js'

/** Ours as it comes, except for what a benchmark on one machine needs. */
export function ourOptions(cast: Cast, { crypto }: ServerPlan) {
  return {
    resource,
    signingKeys: [newSigningJwk()],
    scopes: { 'data.read': 'Read the data' },
    // Requests are signed before a run that takes minutes.
    signatureWindow: 3600,
    fetch: issuerFetch([cast.issuer]),
    ...(crypto === undefined ? {} : { crypto: crypto === 'sodium' ? { ed25519: sodium } : { mode: crypto } }),
  }
}

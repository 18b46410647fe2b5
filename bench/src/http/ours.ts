import { auditLog, observe } from '../observers.js'
import { issuerFetch, newSigningJwk, resource } from '../world.js'
import type { Cast } from './cast.js'
import type { ServerPlan } from './series.js'

/** Ours as it comes, except for what a benchmark on one machine needs. */
export function ourOptions(cast: Cast, { crypto, observed }: ServerPlan) {
  if (observed === 'otel') observe()
  let told = 0
  return {
    resource,
    signingKeys: [newSigningJwk()],
    scopes: { 'data.read': 'Read the data' },
    // Requests are signed before a run that takes minutes.
    signatureWindow: 3600,
    fetch: issuerFetch([cast.issuer]),
    ...(observed === 'events' ? { onEvent: () => void told++ } : {}),
    ...(observed === 'audit' ? { audit: auditLog() } : {}),
    crypto: cryptoFor(crypto),
  }
}

/** By node:crypto, as the limit is, unless libsodium is what is measured: that is found where it is installed. */
function cryptoFor(crypto: ServerPlan['crypto']) {
  if (crypto === 'sodium') return {}
  return crypto === undefined ? { ed25519: false as const } : { mode: crypto, ed25519: false as const }
}

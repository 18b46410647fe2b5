import { createResourceServer, type ResourceOptions, type ResourceServer } from '@countersign/core'
import type { Outcome } from '@countersign/core/adapter'
import { issuerFetch, type Key, newSigningJwk, type RawRequest, resource } from '../world.js'

/** A guarded route without a framework around it. */
export type Guard = (request: RawRequest) => Outcome | Promise<Outcome>

export function createServer(
  issuerKeys: readonly Key[],
  options: Partial<ResourceOptions> = {},
): ResourceServer {
  return createResourceServer({
    resource,
    signingKeys: [newSigningJwk()],
    scopes: { 'data.read': 'Read the data', 'data.write': 'Change the data' },
    // Requests are signed before a run of several minutes.
    signatureWindow: 3600,
    fetch: issuerFetch(issuerKeys),
    // One call after the other, to measure the cost of a call, not concurrency. With node:crypto, like the floor.
    crypto: { mode: 'sync', ed25519: false },
    ...options,
  })
}

/** The guard of a route that needs `data.read`. */
export function guardOf(server: ResourceServer): Guard {
  const route = server.require({ scope: 'data.read' })
  return (request) => route.check(request)
}

/** A guard with only our own code between it and the caller. */
export function createGuard(issuerKeys: readonly Key[], options: Partial<ResourceOptions> = {}): Guard {
  return guardOf(createServer(issuerKeys, options))
}

export const isServed = (outcome: Outcome): boolean => outcome.served
export const isRefused =
  (code: string) =>
  (outcome: Outcome): boolean =>
    !outcome.served && outcome.code === code

import type { AuthenticationContext } from '../authenticate.js'
import type { Endpoint } from '../endpoints/endpoint.js'
import { type Config, ownUrl } from '../options.js'
import type { Revocations } from '../revocation/revocations.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import { createAdmission } from './admission.js'
import { pendingEndpoint } from './endpoint.js'
import { createPendingRecords } from './records.js'
import { createPending, type Pending } from './settle.js'
import { createWaiting, type Waiting, type WaitingContext } from './waiting.js'
import { createWaits } from './waits.js'

/** Everything about requests that have to wait, put together. */
export interface Deferral {
  readonly waiting: Waiting
  readonly pending: Pending
  readonly endpoints: readonly Endpoint[]
  close(): void
}

/** What it is put together from. */
export interface DeferralParts {
  readonly authentication: AuthenticationContext
  readonly mint: ResourceTokenMint
  readonly revocations: Revocations
}

export function createDeferral(config: Config, parts: DeferralParts): Deferral {
  const { store, clock, report, paths, pending: settings } = config
  const waits = createWaits(settings.maxWaits)
  const context: WaitingContext = {
    ...parts,
    records: createPendingRecords(store, clock),
    waits,
    settings,
    clock,
    report,
    admission: createAdmission(settings, clock),
    places: {
      pendingUrl: (id) => ownUrl(config, `${paths.pending}${id}`),
      interactionUrl: (id) => ownUrl(config, `/aauth/interact/${id}`),
      retryAfter: settings.retryAfter,
    },
    beginSession: () => Promise.reject(new TypeError('no sessions')),
  }
  return {
    waiting: createWaiting(context),
    pending: createPending(context),
    endpoints: [pendingEndpoint(paths.pending, parts.authentication, context)],
    close: () => waits.close(),
  }
}

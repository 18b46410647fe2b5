import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { StandingContext } from '../authentication/standing.js'
import type { Endpoint } from '../http/endpoint.js'
import { ownUrl } from '../identifiers.js'
import { createBrowser } from '../interaction/browser.js'
import { interactionEndpoint } from '../interaction/endpoint.js'
import type { InteractionOptions } from '../interaction/options.js'
import { createAdmission } from '../pending/bounds.js'
import { pendingEndpoint } from '../pending/endpoint.js'
import { createWaits } from '../pending/long-polls.js'
import { createWaiting, mostWaits, type Waiting, type WaitingContext } from '../pending/open.js'
import { createPendingRecords } from '../pending/records.js'
import { createRoom } from '../pending/room.js'
import { createPending, type Pending } from '../pending/settle.js'
import { createStops } from '../pending/stops.js'
import { createBegunWith } from '../session/begun-with.js'
import { sealedSessions, storedSessions } from '../session/codec.js'
import { createEndedSessions } from '../session/ended.js'
import { createKeyRing } from '../session/key-ring.js'
import { createSessions, type SessionDesk } from '../session/sessions.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import type { Config } from './options.js'

/** Everything about requests that have to wait, put together. */
export interface Deferral {
  readonly waiting: Waiting
  readonly pending: Pending
  readonly sessions: SessionDesk
  readonly endpoints: readonly Endpoint[]
  close(): void
}

/** What it is put together from. */
export interface DeferralParts {
  readonly authentication: AuthenticationContext
  readonly mint: ResourceTokenMint
}

export function createDeferral(config: Config, parts: DeferralParts): Deferral {
  const { resource, store, clock, steady, report, paths, pending: settings, interaction } = config
  const { authentication } = parts
  const standing = (issuer: string) => authentication.issuers.standing(issuer)
  const room = createRoom(settings.room, steady, standing)
  const waits = createWaits(settings.maxWaits)
  const sessions = sessionDesk(config, authentication)
  const context: WaitingContext = {
    ...parts,
    resource,
    records: createPendingRecords({ resource, store, room, clock }),
    waits,
    stops: createStops(authentication, sessions),
    settings,
    clock,
    report,
    admission: createAdmission(settings, steady, standing),
    requireDeclaredCapability: interaction?.requireDeclaredCapability ?? false,
    places: {
      pendingUrl: (id) => ownUrl(config.resource, `${paths.pending}${id}`),
      interactionUrl: (id) => ownUrl(config.resource, `${paths.interaction}${id}`),
      retryAfter: settings.retryAfter,
    },
    beginSession: (record, approval) => sessions.begin(record, approval),
  }
  const endpoints = [pendingEndpoint(paths.pending, authentication, context, steady)]
  if (interaction !== undefined) endpoints.push(interactionPage(config, interaction, context))
  return {
    waiting: createWaiting(context),
    pending: createPending(context),
    sessions,
    endpoints,
    close: () => waits.close(),
  }
}

function sessionDesk(config: Config, standing: StandingContext): SessionDesk {
  const { resource, sessions, store, clock, pending } = config
  const begunWith = createBegunWith({ resource, store, clock, revocations: standing.revocations })
  const waits = (1 + mostWaits) * (pending.lifetime + pending.retention)
  const longest = Math.max(sessions.maxAge, waits)
  return createSessions({
    resource,
    settings: sessions,
    codec:
      sessions.keep === 'store'
        ? storedSessions(store, clock)
        : sealedSessions(createKeyRing(sessions, store, clock)),
    ended: createEndedSessions({ resource, longest, store, standing, begunWith }),
    store,
    clock,
  })
}

function interactionPage(config: Config, interaction: InteractionOptions, context: WaitingContext): Endpoint {
  const { paths, authority, display, scopes } = config
  return interactionEndpoint(paths.interaction, {
    ...context,
    interaction,
    issuers: context.authentication.issuers,
    browser: createBrowser(interaction.insecureCookie ?? false),
    pages: {
      site: {
        name: display.name ?? authority,
        ...(display.logoUri === undefined ? {} : { logo: display.logoUri }),
      },
      page: interaction.page?.bind(interaction),
    },
    scopes,
    pathOf: (id) => `${paths.interaction}${id}`,
  })
}

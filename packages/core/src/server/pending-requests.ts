import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { StopContext } from '../authentication/stops.js'
import type { Chaining } from '../chaining/chaining.js'
import type { Endpoint } from '../http/endpoint.js'
import { ownUrl } from '../identifiers.js'
import { createBrowser } from '../interaction/browser.js'
import { callbackEndpoint } from '../interaction/callback-endpoint.js'
import type { InteractionContext } from '../interaction/context.js'
import { interactionEndpoint } from '../interaction/endpoint.js'
import { createLanguages } from '../interaction/languages.js'
import { createChainPolls } from '../pending/chain-polls.js'
import { pendingEndpoint } from '../pending/endpoint.js'
import { createGrantToken, type GrantToken } from '../pending/grant-token.js'
import { createLongPolls } from '../pending/long-polls.js'
import { createDeferrals, type Deferrals, type DeferralsContext } from '../pending/open.js'
import { createOpenRate } from '../pending/open-rate.js'
import { mostWaits } from '../pending/record.js'
import { createPendingRecords } from '../pending/records.js'
import { createPending, type Pending } from '../pending/settle.js'
import { createStops } from '../pending/stops.js'
import { createStoredBytes } from '../pending/stored-bytes.js'
import { createBegunWith } from '../session/begun-with.js'
import { sealedSessions, storedSessions } from '../session/codec.js'
import { createEndedSessions } from '../session/ended.js'
import { createSealingKeys } from '../session/sealing-keys.js'
import { createSessions, type SessionService } from '../session/sessions.js'
import type { Deadlines } from '../time/deadline.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import type { UserDirectory } from '../users/directory.js'
import { createLoginHint } from '../users/login-hint.js'
import type { Config } from './options.js'

/** The parts of a server for pending requests and sessions. */
export interface PendingRequests {
  readonly deferrals: Deferrals
  readonly grantToken: GrantToken
  readonly pending: Pending
  readonly sessions: SessionService
  readonly endpoints: readonly Endpoint[]
  /** How many polls are open. */
  polls(): number
  /** Answers all long polls. No poll is held open after that. */
  close(): void
}

/** What it depends on, beside the options. */
export interface PendingRequestsContext {
  readonly authentication: AuthenticationContext
  readonly mint: ResourceTokenMint
  readonly chaining: Chaining | undefined
  readonly deadlines: Deadlines
  readonly users: UserDirectory | undefined
}

/** Creates the parts for pending requests and sessions. */
export function createPendingRequests(config: Config, given: PendingRequestsContext): PendingRequests {
  const { resource, store, clock, steady, report, paths, pending: settings, interaction } = config
  const { authentication, chaining } = given
  const standing = (issuer: string) => authentication.issuers.classOf(issuer)
  const storedBytes = createStoredBytes(settings.room, steady, standing)
  const longPolls = createLongPolls(settings.maxWaits)
  const sessions = sessionService(config, authentication)
  const records = createPendingRecords({ resource, store, storedBytes, clock })
  const stops = createStops(authentication, sessions)
  const openRate = createOpenRate(settings, steady, standing)
  const urls = {
    pendingUrl: (id: string) => ownUrl(config.resource, `${paths.pending}${id}`),
    interactionUrl: (id: string) => ownUrl(config.resource, `${paths.interaction}${id}`),
    retryAfter: settings.retryAfter,
  }
  const grantToken = createGrantToken({
    ...config,
    mint: given.mint,
    loginHint: createLoginHint(config.access.loginHint, given.deadlines),
    settings,
    records,
    stops,
    openRate,
    urls,
  })
  const context: DeferralsContext = {
    authentication,
    chaining,
    users: given.users,
    deadlines: given.deadlines,
    grantToken,
    resource,
    records,
    longPolls,
    stops,
    settings,
    clock,
    report,
    openRate,
    requireDeclaredCapability: interaction?.requireDeclaredCapability ?? false,
    urls,
    chainPolls: chaining === undefined ? undefined : createChainPolls(chaining, config.monotonic),
    beginSession: (record, approval) => sessions.begin(record, approval),
  }
  const endpoints = [pendingEndpoint(paths.pending, authentication, context, steady)]
  if (interaction !== undefined || chaining !== undefined) {
    const page = pageContext(config, context)
    endpoints.push(interactionEndpoint(paths.interaction, page))
    if (chaining !== undefined)
      endpoints.push(callbackEndpoint(paths.callback, page, (id) => context.chainPolls?.hurry(id)))
  }
  return {
    deferrals: createDeferrals(context),
    grantToken,
    pending: createPending(context),
    sessions,
    endpoints,
    polls: () => longPolls.count,
    close: () => longPolls.close(),
  }
}

function sessionService(config: Config, stops: StopContext): SessionService {
  const { resource, sessions, store, clock } = config
  const begunWith = createBegunWith({ resource, store, clock, revocations: stops.revocations })
  return createSessions({
    resource,
    settings: sessions,
    codec:
      sessions.keep === 'store'
        ? storedSessions(store, clock)
        : sealedSessions(createSealingKeys(sessions, store, clock)),
    ended: createEndedSessions({ resource, longest: longestBegun(config), store, stops, begunWith }),
    store,
    report: config.report,
    clock,
  })
}

/** The longest time in seconds that something begun with a token can last: a session, or a call that waits repeatedly. */
export function longestBegun({ sessions, pending }: Pick<Config, 'sessions' | 'pending'>): number {
  return Math.max(sessions.maxAge, (1 + mostWaits) * (pending.lifetime + pending.retention))
}

function pageContext(config: Config, context: DeferralsContext): InteractionContext {
  const { resource, paths, authority, display, scopes, interaction, onward, sessions } = config
  return {
    ...context,
    interaction,
    callback: onward === undefined ? undefined : ownUrl(resource, paths.callback),
    issuers: context.authentication.issuers,
    hashOf: (person) => config.subjects.hashOf(person),
    browser: createBrowser(interaction?.insecureCookie ?? false),
    pages: {
      site: {
        name: display.name ?? authority,
        ...(display.logoUri === undefined ? {} : { logo: display.logoUri }),
      },
      page: interaction?.page?.bind(interaction),
      languages: createLanguages(interaction ?? {}, scopes),
    },
    session: { unused: Math.min(sessions.lifetime, sessions.maxAge), atMost: sessions.maxAge },
    pathOf: (id) => `${paths.interaction}${id}`,
  }
}

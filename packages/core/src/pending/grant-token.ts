import type { Grant, Person } from '../caller.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import type { FindLoginHint } from '../users/login-hint.js'
import type { PendingUrls } from './answers.js'
import { type NewRecordContext, newInteraction, newRecord } from './new-record.js'
import type { OpenRate } from './open-rate.js'
import type { GrantRequest } from './record.js'
import type { PendingRecords } from './records.js'
import type { Stops } from './stops.js'

/**
 * Makes the resource token for a grant. If the person is not yet linked to a user, it has the URL of our page and a
 * code, and the person server sends the person there before it asks for consent (AAuth 7.2.3, R-200, R-236).
 *
 * @returns `rate_limited` if too many pages have been opened
 */
export type GrantToken = (
  caller: Person | Grant,
  asked: GrantRequest,
  request: HttpRequest,
) => Promise<string | Refusal>

/** The dependencies of {@link createGrantToken}. */
export interface GrantTokenContext extends NewRecordContext {
  readonly mint: ResourceTokenMint
  readonly loginHint: FindLoginHint
  readonly records: Pick<PendingRecords, 'add'>
  readonly stops: Pick<Stops, 'mark' | 'begun'>
  readonly openRate: OpenRate
  readonly urls: Pick<PendingUrls, 'interactionUrl'>
  /** Seconds. */
  readonly resourceTokenLifetime: number
}

/** Seconds for which the page says that it has expired; after that it says that the code is unknown. */
const saidExpired = 60

/** Creates the {@link GrantToken} of a server. */
export function createGrantToken(context: GrantTokenContext): GrantToken {
  const { mint, loginHint, records, stops, openRate, urls, settings, resourceTokenLifetime } = context
  // The page lasts as long as the resource token that leads to it.
  const ofPage = {
    ...context,
    settings: {
      ...settings,
      lifetime: resourceTokenLifetime,
      retention: Math.min(settings.retention, saidExpired),
    },
  }
  return async (caller, { scope, account, link }, request) => {
    const asked = { scope, account, loginHint: await loginHint(caller, request) }
    if (link !== true) return mint(caller, asked)
    // Stored for a stranger, so it counts like everything else that is.
    const retryAfter = openRate.enter(caller)
    if (retryAfter !== undefined) return new Refusal('rate_limited', { retryAfter })
    const interaction = newInteraction({ scope })
    const record = await newRecord({ caller }, ofPage, { requirement: 'interaction', interaction, link })
    await stops.begun(record)
    await records.add(record)
    const { id, code } = interaction
    return mint(caller, { ...asked, interaction: { url: urls.interactionUrl(id), code } })
  }
}

/** The `exp` of a token of ours, in seconds. */
export function expiryOf(jwt: string): number {
  const payload = Buffer.from(jwt.split('.')[1] as string, 'base64url').toString('utf8')
  return (JSON.parse(payload) as { exp: number }).exp
}

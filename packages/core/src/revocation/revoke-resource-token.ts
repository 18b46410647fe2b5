import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { Refusal } from '../errors.js'
import type { NoticeOutcome, Report } from '../events.js'
import { isEndpointUrl, isServerIdentifier } from '../identifiers.js'
import { type GuardedIssuers, guardFor } from '../issuer/guard-for.js'
import { createGuardedFetch } from '../issuer/guarded-fetch.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { IssuerFetch } from '../issuer/options.js'
import type { OwnKeyRing } from '../own-keys/key-ring.js'
import { type Notice, sendNotice } from './notice.js'

/** A resource token of ours, as the event `resource-token` names it. */
export interface IssuedResourceToken {
  readonly jti: string
  /** Seconds; the `exp` of the token. */
  readonly exp: number
  /** The server to which the agent takes it. */
  readonly aud: string
  /** The person server. */
  readonly ps: string
}

/** The result of sending a revocation to one server. */
export interface SentRevocation {
  readonly server: string
  readonly outcome: NoticeOutcome
  /** Why the token was not recorded as revoked; for the operator. */
  readonly reason?: string
}

/**
 * Revokes a resource token of ours at the server in its `aud` and, if that is our access server, at the person server
 * too (AAuth 11.12.2). Never rejects because of other servers. Revocations that are not `recorded` may be sent again.
 *
 * @throws TypeError without a signing key, or when the argument is not what the event `resource-token` has
 */
export type RevokeResourceToken = (token: IssuedResourceToken) => Promise<readonly SentRevocation[]>

const serverIdentifier = z.custom<string>(
  (value) => typeof value === 'string' && isServerIdentifier(value),
  'must be a server identifier, as the event resource-token has it',
)

// The whole event may be passed, so other members are allowed.
const tokenSchema: z.ZodType<IssuedResourceToken> = z.object({
  jti: z.string('must be the jti of the token').min(1),
  exp: z.number('must be the exp of the token, in seconds'),
  aud: serverIdentifier,
  ps: serverIdentifier,
})

interface Recipient {
  readonly server: string
  readonly dwk: string
}

/** The dependencies of {@link createRevokeResourceToken}. */
export interface RevocationSenderContext {
  readonly resource: string
  readonly keys: Pick<OwnKeyRing, 'signing'>
  readonly accessServer: string | undefined
  readonly issuers: GuardedIssuers
  /** Default: the guarded fetch. */
  readonly fetch: IssuerFetch | undefined
  /** Milliseconds. */
  readonly clock: () => number
  readonly report: Report
}

/** Creates the {@link RevokeResourceToken} of a resource server. */
export function createRevokeResourceToken(
  context: RevocationSenderContext,
  issuers: IssuerKeys,
): RevokeResourceToken {
  const { resource, clock, report, accessServer } = context
  const fetch =
    context.fetch ??
    createGuardedFetch(guardFor(context.issuers, accessServer === undefined ? [] : [accessServer]))

  const find = async ({ server, dwk }: Recipient): Promise<string | Notice> => {
    const metadata = await issuers.metadata(server, dwk)
    if (metadata instanceof Refusal) {
      return { outcome: 'unavailable', reason: metadata.details.reason ?? metadata.code }
    }
    const endpoint = metadata['revocation_endpoint']
    if (endpoint === undefined) return { outcome: 'unsupported', reason: 'no revocation_endpoint' }
    // The same rule as for every endpoint (AAuth 11.1.2, G-57); the fetch checks the address.
    return isEndpointUrl(endpoint)
      ? endpoint
      : { outcome: 'unavailable', reason: 'revocation_endpoint is no endpoint URL' }
  }

  return async (given) => {
    const token = checkArgument(tokenSchema, given, 'revokeResourceToken: ')
    const key = context.keys.signing
    if (key === undefined) throw new TypeError('option signingKeys: needs a key to sign revocations with')
    const found = await Promise.all(
      recipientsOf(token, context).map(async ({ server, dwk }) => ({
        server,
        at: await find({ server, dwk }),
      })),
    )
    const endpoints = new Set<string>()
    // A server with two names is told once (G-59).
    const distinct = found.filter(
      ({ at }) => typeof at !== 'string' || (!endpoints.has(at) && endpoints.add(at)),
    )
    return Promise.all(
      distinct.map(async ({ server, at }) => {
        const notice =
          typeof at === 'string' ? await sendNotice(at, token, { resource, key, fetch, clock }) : at
        report({ name: 'revocation-sent', server, jti: token.jti, ...notice })
        return { server, ...notice }
      }),
    )
  }
}

function recipientsOf(
  { aud, ps }: IssuedResourceToken,
  { accessServer }: RevocationSenderContext,
): readonly Recipient[] {
  const person = { server: ps, dwk: 'aauth-person.json' }
  return aud === accessServer ? [{ server: aud, dwk: 'aauth-access.json' }, person] : [person]
}

import { randomUUID } from 'node:crypto'
import { type Grant, isVerifiedCaller, type Person } from '../caller.js'
import type { Report } from '../events.js'
import type { OwnKeyRing } from '../own-keys/key-ring.js'
import { identityScopes } from './claims.js'
import { signJws } from './jws.js'

/** The scope and account that a resource token asks for. */
export interface ResourceTokenRequest {
  readonly scope: readonly string[]
  /** Default: the account of the grant presented (G-47). */
  readonly account?: string | undefined
  /** Our page, which the person visits before the person server asks for consent (AAuth 7.2.3, R-200, R-236). */
  readonly interaction?: { readonly url: string; readonly code: string } | undefined
  /** A hint of how the person signs in. */
  readonly loginHint?: string | undefined
}

/**
 * Mints a resource token (AAuth 6.7.1), which says exactly what is asked for. Every claim about the person comes from
 * the token that was verified on this very request.
 *
 * @throws TypeError for a caller that was not verified, or without a signing key
 */
export type ResourceTokenMint = (caller: Person | Grant, request: ResourceTokenRequest) => Promise<string>

/** The dependencies of {@link createResourceTokenMint}. */
export interface ResourceTokenContext {
  /** `iss`. */
  readonly resource: string
  readonly keys: Pick<OwnKeyRing, 'signing'>
  /** The scopes of the resource. */
  readonly scopes: ReadonlyMap<string, string>
  /** `aud`; without it, the person server. */
  readonly accessServer: string | undefined
  /** Seconds. */
  readonly resourceTokenLifetime: number
  readonly compat: { readonly personTokenJti: boolean; readonly interactionCode: boolean }
  /** Milliseconds. */
  readonly clock: () => number
  readonly report: Report
}

/** Creates the {@link ResourceTokenMint} of a resource server, with its signing key. */
export function createResourceTokenMint(context: ResourceTokenContext): ResourceTokenMint {
  return async (caller, request) => {
    if (!isVerifiedCaller(caller))
      throw new TypeError(
        'caller: must be the caller of a request that was verified, not an object of your own',
      )
    const key = context.keys.signing
    if (key === undefined) throw new TypeError('option signingKeys: resource tokens need a key')
    const now = Math.floor(context.clock() / 1000)
    const claims = claimsOfCaller(caller, context)
    const [jti, exp] = [randomUUID(), now + context.resourceTokenLifetime]
    context.report({ name: 'resource-token', jti, exp, aud: claims.aud, ps: claims.ps })
    return signJws(
      'aa-resource+jwt',
      {
        iss: context.resource,
        dwk: 'aauth-resource.json',
        ...claims,
        // Identity scopes have been compared with the person server's list already; no other scope gets here.
        scope: request.scope.filter((name) => context.scopes.has(name) || identityScopes.has(name)).join(' '),
        account: request.account ?? (caller.kind === 'grant' ? caller.account : undefined),
        interaction: request.interaction,
        interaction_code: context.compat.interactionCode ? request.interaction?.code : undefined,
        login_hint: request.loginHint,
        jti,
        iat: now,
        exp,
      },
      key,
    )
  }
}

function claimsOfCaller(
  caller: Person | Grant,
  context: ResourceTokenContext,
): Record<string, string | undefined> & { readonly aud: string; readonly ps: string } {
  const { ps, sub } = caller.person
  const { jti } = caller.token
  return {
    aud: context.accessServer ?? ps,
    ps,
    sub,
    presented_jti: jti,
    person_token_jti: context.compat.personTokenJti && caller.kind === 'person' ? jti : undefined,
    agent_jkt: caller.jkt,
    mission_s256: caller.mission,
    tenant: caller.tenant,
  }
}

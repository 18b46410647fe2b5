import { failed, refused } from '../answer/outcome.js'
import {
  authenticateServer,
  type ServerCallerContext,
  serverSignaturePolicy,
} from '../authentication/authenticate-server.js'
import type { Awaitable } from '../awaitable.js'
import type { Decisions } from '../decision/decisions.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import type { Report } from '../events.js'
import type { Endpoint } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { siteOf } from '../issuer/site.js'
import { fixedLimits, issuerSkew } from '../limits.js'
import { boundedRate, type RevocationLimits, RevocationRate } from '../revocation/revocation-limits.js'
import { type ReadRevocation, readRevocation } from '../revocation/revocation-request.js'
import type { RevocationRecords } from '../revocation/revocations.js'
import type { SignaturePolicy } from '../signature/read.js'
import type { Store } from '../store/store.js'

/** What the revocation endpoint depends on. */
export interface RevocationEndpointContext {
  readonly store: Store
  /** Our access server, whose revocations are accepted too. */
  readonly accessServer: string | undefined
  readonly revocationLimits: RevocationLimits
  /** Seconds. */
  readonly signatureWindow: number
  readonly compat: { readonly revocationWithoutExp: boolean }
  /** Milliseconds. */
  readonly clock: () => number
  readonly report: Report
  readonly issuers: IssuerKeys
  readonly decisions: Decisions
  readonly revocations: RevocationRecords
  /** The rules for agents' signatures; those for servers are derived from them. */
  readonly signature: SignaturePolicy
  readonly diagnose: Diagnose
}

/** Seconds. Person and auth tokens live at most an hour (AAuth 7.1.2, 9.4.1), and no others are revoked here. */
const maxTokenLifetime = 3600

/**
 * The revocation endpoint (AAuth 11.12), where the issuer of a token revokes it. The revocation is recorded under the
 * verified issuer and answered `200` without content, whether the token is known or not. Repeating it changes
 * nothing.
 */
export function revocationEndpoint(path: string, context: RevocationEndpointContext): Endpoint {
  const { issuers, revocations, diagnose, clock, report, revocationLimits: limits } = context
  const rate = new RevocationRate(context.store, clock)
  const lifetime = maxTokenLifetime + context.signatureWindow + issuerSkew
  const perMinute = boundedRate(limits, lifetime)
  const caller: ServerCallerContext = {
    signature: serverSignaturePolicy(context.signature),
    issuers,
    decisions: context.decisions,
    bodyLimit: fixedLimits.revocationBody,
    diagnose,
    isOwnEndpoint: true,
    clock,
    accepts: (issuer, dwk) => acceptIssuer(issuer, dwk, context.accessServer),
  }

  const take = (issuer: string): Promise<Refusal | undefined> => {
    if (issuers.classOf(issuer) === 'named') return rate.take(issuer, perMinute)
    const who = issuers.knows(issuer) ? 'known' : 'newcomers'
    const together = { who, part: siteOf(issuer), perMinute: limits.newcomersPerMinute }
    return rate.takeBoth({ who: issuer, perMinute }, together)
  }

  const record = async (
    issuer: string,
    { jti, exp, isSaid }: ReadRevocation,
  ): Promise<Refusal | undefined> => {
    const tell = (outcome: 'recorded' | 'known' | 'past'): undefined =>
      void report({ name: 'revocation', issuer, jti, outcome })
    const revocation = { iss: issuer, jti, exp }
    const isPast = exp + issuerSkew <= clock() / 1000
    // Of revocations without `exp`, the first covers every token that existed then.
    const covered = (): Awaitable<boolean> =>
      isSaid ? revocations.covers(revocation) : revocations.has(revocation)
    const isKnown = !isPast && (await covered())
    // A repetition does not count towards the limit. It is recorded again: the first time may have been interrupted,
    // and what was begun with a token outlives it.
    const limited = isPast || isKnown ? undefined : await take(issuer)
    if (limited !== undefined) return limited
    await revocations.record(revocation)
    return tell(isPast ? 'past' : isKnown ? 'known' : 'recorded')
  }

  const handle = async (request: HttpRequest): Promise<Refusal | undefined> => {
    const issuer = await authenticateServer(request, caller)
    if (issuer instanceof Refusal) return unsupported(issuer)
    const now = clock() / 1000
    const unsaid = context.compat.revocationWithoutExp ? now + maxTokenLifetime : undefined
    const token = await readRevocation(request, now + lifetime, unsaid, diagnose)
    return token instanceof Refusal ? token : record(issuer, token)
  }

  return {
    path,
    methods: ['POST'],
    unrecorded: true,
    handle: (request) =>
      handle(request)
        .then((refusal) => (refusal === undefined ? recorded : refused(refusal, report, request).answer))
        .catch((cause: unknown) => failed(cause, report, request).answer),
  }
}

// No content and no `Content-Type` (AAuth 11.12.3).
const recorded: Answer = { status: 200, headers: { 'Cache-Control': 'no-store' }, body: '' }

/** Accepts person servers and our access server. No other issuer's tokens are revoked here (R-270, G-55, G-56). */
function acceptIssuer(issuer: string, dwk: string, accessServer: string | undefined): Refusal | undefined {
  const accepted = dwk === 'aauth-person.json' || (dwk === 'aauth-access.json' && issuer === accessServer)
  return accepted ? undefined : refuse('unsupported_iss')
}

/** An issuer that the operator does not admit is answered like one that is not accepted here (AAuth 11.12.3). */
function unsupported(refusal: Refusal): Refusal {
  return refusal.code === 'access_denied' ? new Refusal('unsupported_iss', refusal.details) : refusal
}

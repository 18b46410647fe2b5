import type { Origin } from '../caller.js'
import type { DenialCheck } from '../denial/denials.js'
import { Refusal, refuse } from '../errors.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { Revocations } from '../revocation/revocations.js'
import type { Unlinks } from '../users/unlinks.js'

/** The dependencies of {@link findStop}: every list that can stop a caller. */
export interface StopContext {
  readonly revocations: Pick<Revocations, 'has'>
  readonly denials: Pick<DenialCheck, 'find'>
  readonly issuers: Pick<IssuerKeys, 'refused'>
  readonly unlinks: Pick<Unlinks, 'hasEnded'>
}

/**
 * The refusal if one of these callers has been stopped: by the operator's rules on issuers, by a revocation of its
 * token, by a denial, or because the person has been unlinked from the user. It is checked for the callers for whom
 * something was begun, whenever that continues without their tokens: at polls, with sessions, and on the interaction
 * page. Break-glass does not apply: it rejects when the store fails.
 */
export async function findStop(
  origins: readonly Origin[],
  context: StopContext,
): Promise<Refusal | undefined> {
  const found = await Promise.all(origins.map((origin) => stopOf(origin, context)))
  return found.find((refusal) => refusal !== undefined)
}

async function stopOf(origin: Origin, context: StopContext): Promise<Refusal | undefined> {
  const { iss } = origin.token
  const refused = context.issuers.refused(iss, documentOf(origin))
  if (refused !== undefined) return refused
  const [revoked, denied, unlinked] = await Promise.all([
    context.revocations.has(origin.token),
    context.denials.find(origin),
    context.unlinks.hasEnded(origin),
  ])
  if (revoked) return refuse('revoked', 'The token that this was begun with has been revoked')
  if (denied === undefined)
    return unlinked ? refuse('revoked', 'The person has been unlinked since this was begun') : undefined
  return new Refusal('access_denied', {
    reason: `the caller that this was begun for is denied by the operator (${denied})`,
  })
}

/**
 * The document that names the issuer's keys. An auth token whose issuer is not the person's server comes from
 * an access server.
 */
function documentOf(origin: Origin): string {
  if (origin.kind === 'agent') return 'aauth-agent.json'
  return origin.kind === 'person' || origin.person.ps === origin.token.iss
    ? 'aauth-person.json'
    : 'aauth-access.json'
}

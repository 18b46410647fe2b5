import { contentDigest } from '@countersign/core/signature'
import type { TownServer } from '@countersign/devkit'
import { base, type Draft, type RawRequest, type World } from './harness.js'

/** What every caller of the revocation endpoint covers. */
export const covered: readonly string[] = [...base, '"content-type"', '"content-digest"']

/** Whose revocation it is, and what is wrong with it. */
export interface Revoking extends Draft {
  /** Default: the town's person server. */
  readonly server?: TownServer
  /** Default: `aauth-person.json`. */
  readonly dwk?: string
  readonly id?: string
  readonly kid?: string
  readonly contentType?: string
  readonly digest?: string
}

/** A revocation, honest in all that is not given. */
export function revoke(world: World, content: unknown, revoking: Revoking = {}): Promise<RawRequest> {
  const {
    server = world.town.ps.server,
    dwk = server.document,
    contentType = 'application/json',
    ...draft
  } = revoking
  const key = revoking.key ?? server.keys.current
  const { id = server.id, kid = server.keys.current.kid } = revoking
  const body = typeof content === 'string' ? content : JSON.stringify(content)
  return world.compose({
    method: 'POST',
    target: '/aauth/revoke',
    headers: [
      ['Content-Type', contentType],
      ['Content-Digest', revoking.digest ?? contentDigest(Buffer.from(body))],
    ],
    components: covered,
    signatureKey: `jwks_uri;id="${id}";dwk="${dwk}";kid="${kid}"`,
    ...draft,
    key,
    body,
  })
}

/** A token to be revoked, which lives ten minutes more. */
export const soon = (world: World, jti: string): object => ({ jti, exp: world.now + 600 })

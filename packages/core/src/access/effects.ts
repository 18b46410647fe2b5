import type { Grant } from '../caller.js'
import { type Allow, allow, type Deny, deny, type Policy, type PolicyInput, stepUp } from './policy.js'

/**
 * How far the effect of a route can be undone.
 *
 * `read`: it changes nothing; an unsafe method is answered `403 read_only`. `write`: it can be undone; signatures
 * must cover the content, so that only what was signed is done. `irreversible`: it cannot be undone; as for `write`,
 * and a signature can be used only once, and the grant must be at most five minutes old ({@link fresh}), so that the
 * person's server has agreed recently.
 */
export type Effect = 'read' | 'write' | 'irreversible'

/** What an effect requires, where the route itself sets nothing. */
export interface EffectTerms {
  readonly components: readonly string[]
  readonly replay: true | undefined
  /** Policies that run after all others, so that no caller is sent for a new grant and then refused. */
  readonly last: readonly Policy[]
}

const content = ['content-type', 'content-digest']

/** The one table of effects. */
export const effects: ReadonlyMap<unknown, EffectTerms> = new Map<Effect, EffectTerms>([
  ['read', { components: [], replay: undefined, last: [readOnly] }],
  ['write', { components: content, replay: undefined, last: [] }],
  ['irreversible', { components: content, replay: true, last: [fresh(300) as Policy] }],
])

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'QUERY'])

/**
 * A policy for whole routers: an unsafe method is answered `403 read_only`.
 *
 * @example
 * ```ts
 * import { createResourceServer, readOnly } from '@countersign/core'
 *
 * const server = createResourceServer({ resource: 'https://notes.example' })
 * const archive = server.with({ policy: readOnly })
 * const guard = archive.require('agent')
 * ```
 */
export function readOnly({ request }: PolicyInput): Allow | Deny {
  return safe.has(request.method) ? allow() : deny('read_only', 'Nothing can be changed here.')
}

/**
 * A policy: the grant must have been issued within the last `seconds`, or the agent is sent for a new one. Whether
 * the person is asked again is up to the person's server.
 *
 * @param seconds at least 60, because the clocks of issuers and ours may differ by that much
 * @throws TypeError when it is less
 *
 * @example
 * ```ts
 * import { fresh, type Requirement } from '@countersign/core'
 *
 * const payment: Requirement = { scope: 'shop.pay', policy: fresh(300) }
 * ```
 */
export function fresh(seconds: number): Policy<Grant> {
  if (!(seconds >= 60)) throw new TypeError('fresh: seconds must be at least 60')
  return ({ caller, now }) => (now - caller.token.iat <= seconds ? allow() : stepUp({ fresh: true }))
}

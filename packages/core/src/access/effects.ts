import type { Grant } from '../caller.js'
import { type Allow, allow, type Deny, deny, type Policy, type PolicyInput, stepUp } from './policy.js'

/**
 * How far what a route does can be taken back.
 *
 * `read`: it changes nothing; a method that is not safe is a `403 read_only`. `write`: it can be undone; signatures have
 * to cover the content, so that what was signed is what is done. `irreversible`: it cannot; beside that a signature
 * serves once, and the grant has to be at most five minutes old ({@link fresh}), so that the person's server has had its
 * say just now.
 */
export type Effect = 'read' | 'write' | 'irreversible'

/** What an effect asks for where the route itself does not say. */
export interface EffectTerms {
  readonly components: readonly string[]
  readonly replay: true | undefined
  /** Asked after all others: nobody is sent for a new grant and then refused. */
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
 * A policy for whole routers: methods that may change something are a `403 read_only`.
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
 * A policy: the grant must have been issued at most so long ago, or the agent is sent for a new one. What the person's
 * server makes of it, for example to ask the person again, is its own affair.
 *
 * @param seconds at least 60, because the clocks of issuers and ours may differ by as much
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

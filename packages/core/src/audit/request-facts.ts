import { idOfSignature } from '../decision/call-id.js'
import type { Conclusion } from '../decision/conclusion.js'
import type { DecisionEvent } from '../events.js'
import { fieldValue } from '../http/message.js'
import type { CallerMembers, PersonMembers } from './members.js'

/** The members of a decision about the request, not about its caller. */
type OwnMembers = Exclude<keyof DecisionEvent, PersonMembers | CallerMembers | 'name' | 'resource' | 'at'>

type AlwaysThere = 'id' | 'method' | 'outcome' | 'milliseconds'

/** Keys of a record type, so that the compiler reports a missing name. */
const sometimesThere = Object.keys({
  route: true,
  code: true,
  family: true,
  status: true,
  remembered: true,
  keyHeld: true,
  policy: true,
  held: true,
  part: true,
  verification: true,
  requestId: true,
} satisfies Record<Exclude<OwnMembers, AlwaysThere>, true>) as readonly Exclude<OwnMembers, AlwaysThere>[]

/** The request in a record, copied when it was decided on; the request itself is not kept in memory. */
export class RequestFacts implements Record<Exclude<OwnMembers, 'id'>, unknown> {
  /** Milliseconds, by the option `clock`. */
  readonly at: number
  readonly method: string
  readonly outcome: DecisionEvent['outcome']
  readonly milliseconds: number
  readonly route: string | undefined
  readonly code: string | undefined
  readonly family: DecisionEvent['family'] | undefined
  readonly status: number | undefined
  readonly remembered: boolean | undefined
  readonly keyHeld: boolean | undefined
  readonly policy: string | undefined
  readonly held: true | undefined
  readonly part: number | undefined
  readonly verification: number | undefined
  readonly requestId: string | undefined
  readonly #id: string | undefined | null
  /** What the id is computed from, if it was not computed before. */
  readonly #signature: string | undefined

  constructor({ at, draft, end, milliseconds }: Conclusion) {
    const { request, route, madeId, part } = draft
    this.at = at
    this.method = request.method
    this.outcome = end.outcome
    this.milliseconds = milliseconds
    this.route = route.route
    this.code = end.code
    this.family = end.family
    this.status = end.status
    this.remembered = draft.remembered
    this.keyHeld = draft.keyHeld
    this.policy = draft.policy
    this.held = request.carried === undefined ? undefined : true
    this.part = part > 1 ? part : undefined
    this.verification = draft.verification
    this.requestId = route.id?.slice(0, 200)
    this.#id = madeId
    this.#signature = madeId === null ? fieldValue(request.rawHeaders, 'signature') : undefined
  }

  /** The members as JSON, one by one: this is part of every record, and `JSON.stringify` of a whole object takes long. */
  write(): string {
    const id = this.#id ?? (this.#signature === undefined ? undefined : idOfSignature(this.#signature))
    let json = id === undefined ? '' : `"id":"${id}",`
    json += `"method":${JSON.stringify(this.method)},"outcome":"${this.outcome}","milliseconds":${round(this.milliseconds)}`
    for (const name of sometimesThere) {
      const value = this[name]
      if (value === undefined) continue
      json += `,"${name}":${typeof value === 'number' ? round(value) : JSON.stringify(value)}`
    }
    return json
  }
}

/** Rounded to microseconds. */
const round = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

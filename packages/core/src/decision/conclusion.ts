import type { Caller } from '../caller.js'
import type { AAuthEvent, DecisionEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { Draft, End } from './draft.js'
import type { NameSubjects } from './subjects.js'

/** A decision that is being assembled. */
type Gathered = { -readonly [Name in keyof DecisionEvent]: DecisionEvent[Name] }

/**
 * The outcome of a request. The event is assembled when it is read, because code that only counts decisions needs
 * none.
 */
export class Conclusion {
  readonly resource: string
  readonly draft: Draft
  readonly end: End
  /** The time between request and outcome. */
  readonly milliseconds: number
  /** Milliseconds, by the option `clock`. */
  readonly at: number
  readonly #subjects: NameSubjects
  #event: DecisionEvent | undefined

  constructor(resource: string, draft: Draft, end: End, at: number, subjects: NameSubjects) {
    this.resource = resource
    this.draft = draft
    this.end = end
    this.milliseconds = draft.milliseconds
    this.at = at
    this.#subjects = subjects
  }

  get event(): DecisionEvent {
    this.#event ??= new Decision(this, this.#subjects)
    return this.#event
  }

  /** As {@link DecisionEvent.caller}. */
  get caller(): DecisionEvent['caller'] {
    const { server, caller, request } = this.draft
    if (server !== undefined) return 'server'
    return caller?.kind ?? (isSigned(request) ? 'unverified' : 'nobody')
  }
}

/** The messages of the channel of decisions. */
export interface DecisionTold {
  readonly resource: string
  readonly event: DecisionEvent
  /** For code that only counts: without the event. */
  readonly conclusion: Conclusion
}

/** The messages of the channel of events. */
export interface EventTold {
  readonly resource: string
  readonly event: AAuthEvent
  /** For code that only counts: the event without its time and the id of its request, which has to be hashed. */
  readonly untold: UntimedEvent<AAuthEvent>
}

/**
 * The event of a decision. A class, because every request pays for it: members added to a plain object one by one are
 * stored apart from it, in a list that is copied as it grows.
 */
class Decision implements Gathered {
  at: number
  declare id?: string
  readonly name = 'decision'
  resource: string
  method: string
  declare route?: string
  outcome: DecisionEvent['outcome']
  declare code?: string
  declare family?: NonNullable<DecisionEvent['family']>
  declare status?: number
  caller: DecisionEvent['caller']
  declare agent?: string
  declare parentAgent?: string
  declare provider?: string
  declare ps?: string
  declare person?: string
  declare account?: string
  declare user?: string
  declare subjects?: NonNullable<DecisionEvent['subjects']>
  declare tenant?: string
  declare mission?: string
  declare scope?: readonly string[]
  declare jkt?: string
  declare iss?: string
  declare jti?: string
  declare remembered?: boolean
  declare keyHeld?: boolean
  declare verification?: number
  declare policy?: string
  declare held?: true
  declare part?: number
  milliseconds: number
  declare requestId?: string

  constructor(conclusion: Conclusion, subjects: NameSubjects) {
    const { resource, at, draft, end, milliseconds } = conclusion
    const { request, route, caller, id } = draft
    this.resource = resource
    this.at = at
    if (id !== undefined) this.id = id
    this.method = request.method
    this.outcome = end.outcome
    this.caller = conclusion.caller
    const { route: pattern, id: requestId } = route
    if (pattern !== undefined) this.route = pattern
    if (end.code !== undefined) this.code = end.code
    if (end.family !== undefined) this.family = end.family
    if (end.status !== undefined) this.status = end.status
    if (draft.server !== undefined) this.iss = draft.server
    else if (caller !== undefined) {
      addCaller(this, caller)
      subjects(caller, this)
    }
    if (draft.remembered !== undefined) this.remembered = draft.remembered
    if (draft.keyHeld !== undefined) this.keyHeld = draft.keyHeld
    if (draft.policy !== undefined) this.policy = draft.policy
    if (request.carried !== undefined) this.held = true
    if (draft.part > 1) this.part = draft.part
    const { verification } = draft
    if (verification !== undefined) this.verification = verification
    if (requestId !== undefined) this.requestId = requestId.slice(0, 200)
    this.milliseconds = milliseconds
  }
}

function addCaller(event: Gathered, caller: Caller): void {
  event.jkt = caller.jkt
  event.iss = caller.token.iss
  event.jti = caller.token.jti
  const who = caller.kind === 'session' ? caller.by : caller
  if (who.kind === 'agent') {
    event.agent = who.agent
    event.provider = who.provider
    if (who.parentAgent !== undefined) event.parentAgent = who.parentAgent
    if (who.ps !== undefined) event.ps = who.ps
  } else {
    event.ps = who.person.ps
    if (who.tenant !== undefined) event.tenant = who.tenant
    if (who.mission !== undefined) event.mission = who.mission
  }
  if (caller.kind === 'session' || caller.kind === 'grant') event.scope = caller.scope
  else if (who.kind === 'grant') event.scope = who.scope
}

function isSigned({ rawHeaders }: HttpRequest): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length >= 9 && name.length <= 15 && signatureFields.has(name.toLowerCase())) return true
  }
  return false
}

const signatureFields: ReadonlySet<string> = new Set(['signature', 'signature-key', 'signature-input'])

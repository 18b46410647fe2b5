import type { DecisionEvent } from '../events.js'

/** JSON of what a caller's token says: more members of the decision, and of the evidence. */
export interface Named {
  readonly decision: string
  readonly evidence: string
}

/** The members of a decision that are as its caller is. */
export function ofCaller(decision: DecisionEvent): Named {
  return { decision: more(aboutCaller(decision)), evidence: more(aboutPerson(decision)) }
}

/** The members of a decision that may be erased. */
type PersonMembers = 'person' | 'account' | 'user' | 'subjects' | 'tenant' | 'mission' | 'jkt' | 'iss' | 'jti'
/** The others that are as the caller is. */
type CallerMembers = 'caller' | 'agent' | 'parentAgent' | 'provider' | 'ps' | 'scope'
/** Those that each request has of its own. */
type OwnMembers = Exclude<keyof DecisionEvent, PersonMembers | CallerMembers | 'name' | 'resource' | 'at'>

const aboutPerson = (decision: DecisionEvent): Record<PersonMembers, unknown> => ({
  person: decision.person,
  account: decision.account,
  user: decision.user,
  subjects: decision.subjects,
  tenant: decision.tenant,
  mission: decision.mission,
  jkt: decision.jkt,
  iss: decision.iss,
  jti: decision.jti,
})

const aboutCaller = (decision: DecisionEvent): Record<CallerMembers, unknown> => ({
  caller: decision.caller,
  agent: decision.agent,
  parentAgent: decision.parentAgent,
  provider: decision.provider,
  ps: decision.ps,
  scope: decision.scope,
})

type AlwaysThere = 'id' | 'method' | 'outcome' | 'milliseconds'

/** By name, so that none is forgotten. */
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

/** The members that each request has of its own, as JSON. One by one: this is part of every request, and JSON of a whole object takes long. */
export const ofRequest = (decision: DecisionEvent): string => {
  const { id, method, outcome, milliseconds } = decision
  let json = id === undefined ? '' : `"id":"${id}",`
  json += `"method":${JSON.stringify(method)},"outcome":"${outcome}","milliseconds":${round(milliseconds)}`
  for (const name of sometimesThere) {
    const value = decision[name]
    if (value === undefined) continue
    json += `,"${name}":${typeof value === 'number' ? round(value) : JSON.stringify(value)}`
  }
  return json
}

/** Members as JSON, to be added to others. */
function more(members: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(members)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}

/** To microseconds. */
const round = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

/** Whether signature and token have verified. */
export const isVerified = ({ caller }: DecisionEvent): boolean =>
  caller !== 'nobody' && caller !== 'unverified'

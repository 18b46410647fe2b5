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
export type PersonMembers =
  | 'person'
  | 'account'
  | 'user'
  | 'subjects'
  | 'tenant'
  | 'mission'
  | 'jkt'
  | 'iss'
  | 'jti'
/** The others that are as the caller is. */
export type CallerMembers = 'caller' | 'agent' | 'parentAgent' | 'provider' | 'ps' | 'scope'
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

/** Members as JSON, to be added to others. */
function more(members: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(members)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}

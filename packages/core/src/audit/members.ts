import type { DecisionEvent } from '../events.js'

/** The caller in a record, as JSON: members to add to its `decision`, and to its evidence (`p`). */
export interface Named {
  readonly decision: string
  readonly evidence: string
}

/** Makes these members from a decision. */
export function ofCaller(decision: DecisionEvent): Named {
  return { decision: more(aboutCaller(decision)), evidence: more(aboutPerson(decision)) }
}

/** The members of a decision that name or identify a person. They are in `p`, which can be erased. */
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
/** The other members about the caller. They stay in `r`. */
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

/** Members as JSON, to append to others. */
function more(members: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(members)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}

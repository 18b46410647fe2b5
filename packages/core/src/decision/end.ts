import type { Outcome } from '../answer/outcome.js'
import type { DecisionOutcome } from '../events.js'
import type { Answer } from '../http/message.js'
import type { Draft, End } from './draft.js'

/** How a request ended at a guarded route. */
export function endOfOutcome(outcome: Outcome, draft: Draft): End {
  const { observed } = outcome
  if (outcome.served && outcome.caller !== undefined) draft.caller = outcome.caller
  if (observed !== undefined && observed !== null)
    return { outcome: 'observed', code: observed.code, status: observed.status }
  if (outcome.served) return { outcome: 'served' }
  if (outcome.or === true) return { outcome: 'elsewhere', code: outcome.code }
  return { ...endOfAnswer(outcome.answer, draft), code: outcome.code }
}

/** How a request that we answered ended: as its last event says, otherwise by its status. */
export function endOfAnswer(answer: Answer, { ending }: Draft): End {
  const { status } = answer
  if (answer.raw !== undefined || (status < 400 && status !== 202)) return { outcome: 'served', status }
  if (ending?.name === 'challenged')
    return { outcome: 'challenged', code: ending.code ?? ending.requirement, status }
  if (status === 202)
    return { outcome: 'deferred', code: ending?.name === 'deferred' ? ending.requirement : undefined, status }
  const outcome: DecisionOutcome = status === 403 ? 'denied' : 'refused'
  if (ending?.name !== 'refused') return { outcome, code: codeIn(answer), status }
  return { outcome, code: ending.code, family: ending.family, status }
}

/** The member `error` of a problem. */
function codeIn({ headers, body }: Answer): string | undefined {
  if (headers['Content-Type'] !== 'application/problem+json') return undefined
  return (JSON.parse(body) as { readonly error?: string }).error
}

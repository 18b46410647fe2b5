import { type Observed, type Served, served } from '../answer/outcome.js'
import { errorEntry } from '../errors.js'
import type { Report } from '../events.js'
import type { Finding } from './finding.js'

/** Report-only: serves the request, and reports the refusal or challenge it would have got. */
export function observed(finding: Finding, report: Report, request: object): Served {
  const { decision, caller } = finding
  if (decision.act === 'serve') return { ...served(decision.caller, report, request), observed: null }
  const found: Observed = { ...wouldBe(decision), caller }
  const error = decision.act === 'refuse' ? decision.refusal.details.cause : undefined
  report({ name: 'observed', code: found.code, status: found.status }, request, error)
  return { served: true, caller: undefined, observed: found }
}

/**
 * Like {@link observed}, where the other way in decides. It also reports a request that would have been served,
 * because it is not served here.
 */
export function observedBeside(finding: Finding, report: Report, request: object): Observed {
  const { decision } = finding
  if (decision.act !== 'serve') return observed(finding, report, request).observed as Observed
  report({ name: 'observed', code: 'served', status: 200 }, request)
  return { code: 'served', status: 200, detail: undefined, caller: decision.caller }
}

function wouldBe(decision: Exclude<Finding['decision'], { act: 'serve' }>): Omit<Observed, 'caller'> {
  switch (decision.act) {
    case 'ask':
      return { code: decision.requirement, status: 401, detail: undefined }
    case 'ask-grant':
      return { code: decision.link === true ? 'user_required' : 'auth-token', status: 401, detail: undefined }
    case 'hold':
      return {
        code: decision.wanted.ask.verdict === 'approval' ? 'approval' : 'interaction',
        status: 202,
        detail: undefined,
      }
    case 'ask-session':
      return { code: 'interaction', status: 202, detail: undefined }
    case 'forbid':
      return { code: decision.code, status: 403, detail: decision.detail }
    case 'refuse': {
      const { code, details } = decision.refusal
      return { code, status: errorEntry(code).status, detail: details.detail }
    }
  }
}

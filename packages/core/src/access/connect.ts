import type { TokenCaller } from '../caller.js'
import type { HttpRequest } from '../http/message.js'
import { type RouteView, viewRequest } from '../http/request-view.js'
import { isUserList } from '../interaction/ask.js'
import { malformed, sessionCredential } from '../session/credential.js'
import type { SessionService } from '../session/sessions.js'
import { type Deadlines, Inquiry } from '../time/deadline.js'
import type { AskPolicies } from './ask-policies.js'
import type { WantedSession } from './checked-requirement.js'
import { askAgent, decideSession } from './decide.js'
import type { Finding } from './finding.js'

/**
 * Finds the session of the caller's key on routes with `session`. Without a valid one, the agent has to be connected
 * first.
 */
export function createConnect(
  wanted: WantedSession,
  sessions: Pick<SessionService, 'find'>,
  askPolicies: AskPolicies,
  deadlines: Deadlines,
): (caller: TokenCaller, request: HttpRequest, route: RouteView) => Promise<Finding> {
  return async (caller, request, route) => {
    const credential = sessionCredential(request.rawHeaders)
    // A malformed credential gets another answer than a session that has ended (G-33).
    if (credential === malformed) return { decision: askAgent(), caller }
    const by = await usersOf(wanted.by, request, route, deadlines)
    const isAnybodys = by === undefined || by.length > 0
    const found = credential !== undefined && isAnybodys ? await sessions.find(credential, caller) : undefined
    const decision = decideSession(caller, wanted, by, found?.connected)
    if (found === undefined || decision.act !== 'serve') return { decision, caller }
    const { approvedBy } = caller
    const connected =
      approvedBy === undefined ? found.connected : Object.freeze({ ...found.connected, approvedBy })
    return { decision: await askPolicies(connected, request, route), caller, renew: found.renew }
  }
}

/** The users whose sessions a route accepts; `undefined` for all of them, empty for none. */
async function usersOf(
  by: WantedSession['by'],
  request: HttpRequest,
  route: RouteView,
  deadlines: Deadlines,
): Promise<readonly string[] | undefined> {
  if (by === undefined) return undefined
  const users =
    typeof by === 'function'
      ? await deadlines.ask(
          new Inquiry(request, route.route),
          (deadline) => by(viewRequest(request, route), deadline),
          'session.by',
        )
      : by
  return isUserList(users) ? [users].flat() : []
}

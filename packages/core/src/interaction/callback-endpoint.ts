import type { Endpoint } from '../http/endpoint.js'
import { type Answer, type HttpRequest, splitTarget } from '../http/message.js'
import type { NotApproved } from '../pending/record.js'
import { settlementOf } from '../pending/settle.js'
import { decide, invalidCodePage, settledPage, stoppedPage } from './consent.js'
import type { InteractionContext } from './context.js'
import { findRecord, findVisitor, forBrowsers } from './endpoint.js'
import { redirectAnswer } from './page-answer.js'

/**
 * Where people come back to from a supplier's side (`callback_endpoint` of the agent metadata). It tells a poll to ask
 * there; what was decided is known from nowhere else. An error ends the request and is told to the caller.
 *
 * @param hurry called when somebody has come back
 */
export function callbackEndpoint(
  path: string,
  context: InteractionContext,
  hurry: (id: string) => void,
): Endpoint {
  const handle = async (request: HttpRequest, context: InteractionContext): Promise<Answer> => {
    const query = new URLSearchParams(splitTarget(request).query)
    const record = await findRecord(query.get('state') ?? '', context)
    // Whoever else knows the id, the caller among them, must not be able to end the request here.
    const visitor = record === undefined ? undefined : await findVisitor(record, request, context)
    if (visitor === undefined || record?.chained !== true) return invalidCodePage(request, context)
    if ((await context.stops.find(record)) !== undefined) return stoppedPage(visitor, context)
    const settlement = await settlementOf(record, context)
    if (settlement !== undefined) return settledPage(visitor, settlement, context)
    const error = query.get('error')
    if (error !== null) return decide(visitor, { outcome: errors.get(error) ?? 'server_error' }, context)
    await context.records.claim(record, 'returned', true)
    hurry(record.id)
    context.longPolls.wake(record.id)
    const { callback } = visitor.arrival
    return redirectAnswer(callback ?? context.pathOf(record.interaction?.id as string))
  }
  return { path, methods: ['GET', 'HEAD'], handle: forBrowsers(handle, context) }
}

/** What an error of a callback is to a poll. All others are `server_error`. */
const errors: ReadonlyMap<string, NotApproved['outcome']> = new Map([
  ['access_denied', 'denied'],
  ['user_abandoned', 'abandoned'],
  ['interaction_expired', 'expired'],
])

import type { Endpoint } from '../http/endpoint.js'
import { type Answer, type HttpRequest, splitTarget } from '../http/message.js'
import type { NotApproved } from '../pending/record.js'
import { settlementOf } from '../pending/settle.js'
import { decide, invalidCodePage, settledPage, stoppedPage } from './consent.js'
import type { InteractionContext } from './context.js'
import { findRecord, findVisitor, forBrowsers } from './endpoint.js'
import { redirectAnswer } from './page-answer.js'

/**
 * The endpoint where people return from a supplier's side (`callback_endpoint` of the agent metadata). A return makes
 * the next poll ask that side, which alone knows the decision. An error ends the request and is passed to the caller
 * (R-305, R-317).
 *
 * @param hurry called when somebody has returned
 */
export function callbackEndpoint(
  path: string,
  context: InteractionContext,
  hurry: (id: string) => void,
): Endpoint {
  const handle = async (request: HttpRequest, context: InteractionContext): Promise<Answer> => {
    const query = new URLSearchParams(splitTarget(request).query)
    const record = await findRecord(query.get('state') ?? '', context)
    // Only that browser may end the request: others, such as the caller, know its id too.
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

/** The outcome of a poll for each error of a callback. All others become `server_error`. */
const errors: ReadonlyMap<string, NotApproved['outcome']> = new Map([
  ['access_denied', 'denied'],
  ['user_abandoned', 'abandoned'],
  ['interaction_expired', 'expired'],
])

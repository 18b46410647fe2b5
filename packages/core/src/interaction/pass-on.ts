import type { Answer } from '../http/message.js'
import type { PendingInteraction, PendingRecord } from '../pending/record.js'
import type { InteractionContext, Visitor } from './context.js'
import { pageAnswer, redirectAnswer } from './page-answer.js'

/**
 * Sends the person on to the page of the supplier's side. They return to our callback if that side knows it (AAuth
 * 10.1.2).
 */
export function passOn(
  record: PendingRecord,
  { callback }: InteractionContext,
  headers?: Readonly<Record<string, string>>,
): Answer {
  const { id, onward } = record.interaction as PendingInteraction
  const { url, code, returns } = onward as NonNullable<PendingInteraction['onward']>
  const target = new URL(url)
  target.searchParams.set('code', code)
  // The id of the page, which the person's browser knows. The cookie tells whether it is the same browser.
  if (callback !== undefined && returns) target.searchParams.set('callback', `${callback}?state=${id}`)
  return redirectAnswer(target.href, headers)
}

/** Our page for a person who has been sent on before. */
export async function passAgain(visitor: Visitor, context: InteractionContext): Promise<Answer> {
  const { record } = visitor
  return (await context.records.read(record, 'returned')) === undefined
    ? passOn(record, context)
    : pageAnswer(context.pages, visitor.request, 200, { page: 'returned' })
}

import type { Awaitable } from '../awaitable.js'
import type { Grant, Person } from '../caller.js'
import type { HeldCall } from '../http/endpoint.js'
import { type Answer, type HttpRequest, splitTarget } from '../http/message.js'
import { inquiryOf, viewNoted } from '../http/request-view.js'
import { contentView } from '../pending/content-view.js'
import type { PendingRecord, Settlement } from '../pending/record.js'
import { type Decision, settle } from '../pending/settle.js'
import { formToken } from './browser.js'
import { type CallbackError, callbackWith } from './callback.js'
import type { InteractionContext, Visitor } from './context.js'
import { checkLogin } from './login-result.js'
import { type InteractionOptions, isLink, type SignedIn, type Visit } from './options.js'
import { pageAnswer, problemPage, redirectAnswer } from './page-answer.js'
import { callerOnPage, type PageView } from './view.js'

/**
 * The user who is signed in, or the answer that sends the browser to the login. @throws TypeError when `login`
 * returns something else
 */
export async function signedIn(visitor: Visitor, context: InteractionContext): Promise<SignedIn | Answer> {
  // Without a login, nothing is decided on our page.
  const { login } = context.interaction as InteractionOptions
  const answer: unknown = await ask(login, 'interaction.login', visitor, context)
  const result = checkLogin(answer, context.pathOf(visitor.record.interaction?.id as string))
  if ('redirect' in result) return redirectAnswer(result.redirect)
  return 'abandoned' in result ? decide(visitor, { outcome: 'abandoned' }, context) : result
}

/** Calls a function of the application about a visit. */
function ask<A>(
  call: (visit: Visit) => Awaitable<A>,
  name: string,
  { record, request }: Visitor,
  { interaction, deadlines, pathOf }: InteractionContext,
): Awaitable<A> {
  const about = { request: viewNoted(request), returnTo: pathOf(record.interaction?.id as string) }
  return deadlines.ask(Object.assign(inquiryOf(request), about), call.bind(interaction), name)
}

/**
 * The user who is signed in, for a page, and where to sign out. @throws TypeError when `signOut` returns something
 * else
 */
export async function whoOnPage(
  visitor: Visitor,
  { user, name = user }: SignedIn,
  context: InteractionContext,
): Promise<Pick<PageView, 'user' | 'signOut'>> {
  const interaction = context.interaction as InteractionOptions
  if (interaction.signOut === undefined) return { user: name }
  const signOut = await ask(interaction.signOut, 'interaction.signOut', visitor, context)
  if (!isLink(signOut))
    throw new TypeError(
      'option interaction.signOut: must give a path that begins with one /, or an https URL',
    )
  return { user: name, signOut }
}

/** The answer for a user who may not approve, which shows nothing of the request; `undefined` when they may. */
export async function notTheirs(
  visitor: Visitor,
  who: SignedIn,
  context: InteractionContext,
): Promise<Answer | undefined> {
  const by = visitor.record.interaction?.by
  if (by === undefined || by.includes(who.user)) return undefined
  return problemPage(
    context.pages,
    visitor.request,
    'access_denied',
    'problemNotYours',
    await whoOnPage(visitor, who, context),
  )
}

/** The page that asks for the decision. */
export async function consentPage(
  visitor: Visitor,
  who: SignedIn,
  context: InteractionContext,
): Promise<Answer> {
  const { record, secret } = visitor
  const { interaction, call, session } = record
  const { id, description, scope, lasting } = interaction as NonNullable<typeof interaction>
  const wants = {
    scopes: scope,
    ...(description === undefined ? {} : { description }),
    ...(call === undefined ? {} : { call: callOnPage(call.held) }),
    ...(session === undefined ? {} : { session: context.session }),
    ...(lasting === undefined ? {} : { lasting }),
    ...(record.link === undefined ? {} : { link: linkOnPage(record) }),
  }
  const form = { action: context.pathOf(id), token: formToken(secret, id, who.user) }
  const asks = callerOnPage(record.caller)
  const use = useOf(record)
  const view = {
    page: 'consent',
    use,
    asks,
    wants,
    form,
    ...(await whoOnPage(visitor, who, context)),
  } as const
  return pageAnswer(context.pages, visitor.request, 200, view, formTarget(visitor))
}

/** The origin that the browser is sent to after the decision, if it is not ours. */
export function formTarget({ arrival }: Visitor): string | undefined {
  return arrival.callback === undefined ? undefined : new URL(arrival.callback).origin
}

/** The person to be linked, as verified, without anything that the agent says about itself. */
export function linkOnPage({ caller }: PendingRecord): NonNullable<NonNullable<PageView['wants']>['link']> {
  const { person, tenant } = caller as Person | Grant
  return { personServer: person.ps, person: person.sub, ...(tenant === undefined ? {} : { tenant }) }
}

/** What the user decides about. */
function useOf({ session, link, interaction }: PendingRecord): NonNullable<PageView['use']> {
  if (link === true) return 'link'
  return session === undefined && interaction?.lasting === undefined ? 'approval' : 'session'
}

type CallOnPage = NonNullable<NonNullable<PageView['wants']>['call']>

function callOnPage(held: HeldCall): CallOnPage {
  const { method, path, query } = splitTarget(held)
  const content = contentView(held)
  return {
    method,
    path: query === '' ? path : `${path}?${query}`,
    ...(content === undefined ? {} : { content }),
  }
}

/**
 * Settles the request and sends the browser on. If the request was settled before, the browser is told of that
 * settlement.
 */
export async function decide(
  visitor: Visitor,
  decision: Decision,
  context: InteractionContext,
): Promise<Answer> {
  const counted = (await settle(visitor.record, decision, context))
    ? decision
    : ((await context.records.settlement(visitor.record)) ?? decision)
  const { callback } = visitor.arrival
  // A redirect, even if only to the same page, so that a reload does not send the form again.
  return redirectAnswer(
    callback === undefined
      ? context.pathOf(visitor.record.interaction?.id as string)
      : callbackWith(callback, callbackErrors[counted.outcome]),
  )
}

const callbackErrors: Readonly<Record<Settlement['outcome'], CallbackError | undefined>> = {
  approved: undefined,
  denied: 'access_denied',
  abandoned: 'user_abandoned',
  expired: 'interaction_expired',
  invalid_code: 'access_denied',
  server_error: 'server_error',
}

/** The page of a settled interaction. */
export function settledPage(visitor: Visitor, settlement: Settlement, context: InteractionContext): Answer {
  const { pages } = context
  const { callback } = visitor.arrival
  const use = useOf(visitor.record)
  switch (settlement.outcome) {
    case 'approved':
      return pageAnswer(pages, visitor.request, 200, { page: 'approved', use })
    case 'denied':
    case 'abandoned':
      return pageAnswer(pages, visitor.request, 200, { page: 'declined', use })
    case 'expired':
      return callback === undefined
        ? expiredPage(visitor.request, context)
        : redirectAnswer(callbackWith(callback, 'interaction_expired'))
    default:
      return problemPage(pages, visitor.request, settlement.outcome, endedMessages[settlement.outcome])
  }
}

const endedMessages = {
  invalid_code: 'problemTooManyCodes',
  server_error: 'problemEnded',
} as const

/** The page of an interaction that has expired. */
export function expiredPage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(pages, request, 'expired', 'problemExpired')
}

/** The page of an interaction whose caller was revoked or denied. */
export function stoppedPage(visitor: Visitor, { pages }: InteractionContext): Answer {
  return problemPage(pages, visitor.request, 'revoked', 'problemStopped', backFrom(visitor))
}

/** The way back to the person server, which waits for a person who came to be linked and will not be. */
export function backFrom({ record, arrival: { callback } }: Visitor): Pick<PageView, 'next'> {
  return record.link === true && callback !== undefined
    ? { next: callbackWith(callback, 'access_denied') }
    : {}
}

/** The page for a browser that came with the code a moment ago and has returned without our cookie. */
export function cookieLostPage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(pages, request, 'invalid_code', 'problemCookie')
}

/** The page for a code that is wrong, used, or of a request that has ended. It is the same in every case. */
export function invalidCodePage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(pages, request, 'invalid_code', 'problemInvalidCode')
}

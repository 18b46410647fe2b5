import type { AuthenticationContext } from '../authentication/authenticate.js'
import { refuse } from '../errors.js'
import type { HeldCall } from '../http/endpoint.js'
import { type Answer, type HttpRequest, splitTarget } from '../http/message.js'
import { isUser } from '../identifiers.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { contentView } from '../pending/content-view.js'
import type { PendingRecord, Settlement } from '../pending/record.js'
import { type Decision, type SettleContext, settle } from '../pending/settle.js'
import { callerOnPage } from './asks.js'
import { type Browser, formToken } from './browser.js'
import { type CallbackError, callbackWith } from './callback.js'
import type { InteractionSettings, LoginResult, SignedIn } from './options.js'
import { type Pages, pageAnswer, problemPage, redirectAnswer } from './response.js'
import type { PageView } from './view.js'

/** What the page works with. */
export interface InteractionContext extends SettleContext {
  readonly interaction: InteractionSettings
  readonly issuers: IssuerKeys
  readonly authentication: Pick<AuthenticationContext, 'diagnose'>
  readonly browser: Browser
  readonly pages: Pages
  /** Our scopes and what each means. */
  readonly scopes: ReadonlyMap<string, string>
  /** The path of an interaction. */
  pathOf(id: string): string
}

/** That somebody has arrived with the code. */
export interface Arrival {
  /** Which browser. */
  readonly browser: string
  readonly callback?: string
}

/** Somebody at the page of an interaction that waits, in the browser it belongs to. */
export interface Guest {
  readonly record: PendingRecord
  readonly arrival: Arrival
  readonly request: HttpRequest
  readonly native: unknown
  /** The browser's secret. */
  readonly secret: string
}

/** Who is at the page, or where to send them first. */
export async function signedIn(guest: Guest, context: InteractionContext): Promise<SignedIn | Answer> {
  const { record, native } = guest
  const returnTo = context.pathOf(record.interaction?.id as string)
  const result: LoginResult = await context.interaction.login({ request: native, returnTo })
  if (isUser(result)) return { user: result }
  if (typeof result === 'object' && result !== null) {
    if ('redirect' in result && isUser(result.redirect)) return redirectAnswer(result.redirect)
    if ('abandoned' in result && result.abandoned === true)
      return decide(guest, { outcome: 'abandoned' }, context)
    if ('user' in result && isUser(result.user) && (result.name === undefined || isUser(result.name)))
      return result
  }
  throw new TypeError('interaction.login must answer with a user, { redirect } or { abandoned: true }')
}

/** What somebody sees who is signed in and has no say in this: nothing of it. `undefined` for whoever may decide. */
export function notTheirs(
  guest: Guest,
  { user }: SignedIn,
  { pages }: InteractionContext,
): Answer | undefined {
  const by = guest.record.interaction?.by
  if (by === undefined || by.includes(user)) return undefined
  return problemPage(
    pages,
    guest.request,
    'access_denied',
    'Whoever is signed in here cannot approve this. Sign in as the person whom it is about, and open this page again.',
  )
}

/** The page that asks. */
export function consentPage(
  guest: Guest,
  { user, name = user }: SignedIn,
  context: InteractionContext,
): Answer {
  const { record, arrival, secret } = guest
  const { interaction, call } = record
  const { id, description, scope } = interaction as NonNullable<typeof interaction>
  const scopes = scope.map((each) => ({ name: each, description: context.scopes.get(each) ?? each }))
  const wants = {
    scopes,
    ...(description === undefined ? {} : { description }),
    ...(call === undefined ? {} : { call: callOnPage(call.held) }),
  }
  const form = { action: context.pathOf(id), token: formToken(secret, id, user) }
  const target = arrival.callback === undefined ? undefined : new URL(arrival.callback).origin
  const view = { page: 'consent', asks: callerOnPage(record.caller), wants, user: name, form } as const
  return pageAnswer(context.pages, 200, view, target)
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

/** Settles, and sends the browser on; a decision that came too late shows what was decided. */
export async function decide(guest: Guest, decision: Decision, context: InteractionContext): Promise<Answer> {
  const counted = (await settle(guest.record, decision, context))
    ? decision
    : ((await context.records.settlement(guest.record)) ?? decision)
  const { callback } = guest.arrival
  // By a redirect also to ourselves, so that a reload decides nothing again.
  return redirectAnswer(
    callback === undefined
      ? context.pathOf(guest.record.interaction?.id as string)
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

/** What is left to say to the browser that a settled interaction belongs to. */
export function settledPage(guest: Guest, settlement: Settlement, context: InteractionContext): Answer {
  const { pages } = context
  const { callback } = guest.arrival
  switch (settlement.outcome) {
    case 'approved':
      return pageAnswer(pages, 200, { page: 'approved' })
    case 'denied':
    case 'abandoned':
      return pageAnswer(pages, 200, { page: 'declined' })
    case 'expired':
      return callback === undefined
        ? expiredPage(guest.request, context)
        : redirectAnswer(callbackWith(callback, 'interaction_expired'))
    default:
      return problemPage(pages, guest.request, settlement.outcome, refuse(settlement.outcome).code)
  }
}

/** Too late. */
export function expiredPage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(
    pages,
    request,
    'expired',
    'This request has run out of time. Ask your agent to start again.',
  )
}

/** An issuer or the operator has stopped somebody it was begun for. */
export function stoppedPage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(pages, request, 'revoked', 'This request has been stopped, and nothing was done.')
}

/** A code that is wrong, spent, or of something that is over: always the same. */
export function invalidCodePage(request: HttpRequest, { pages }: InteractionContext): Answer {
  return problemPage(
    pages,
    request,
    'invalid_code',
    'This link or code is not valid, or has been used already. Ask your agent for a new one.',
  )
}

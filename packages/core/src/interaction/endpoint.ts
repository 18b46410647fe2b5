import { askable, messageOf, Refusal } from '../errors.js'
import { reportOn } from '../events.js'
import { refuseUnread } from '../http/content.js'
import type { Endpoint } from '../http/endpoint.js'
import { type Answer, fieldValue, type HttpRequest, splitTarget } from '../http/message.js'
import { isCode } from '../pending/code.js'
import type { PendingRecord } from '../pending/record.js'
import { settle, settlementOf } from '../pending/settle.js'
import { StoreError } from '../store/store-error.js'
import { NoAnswer } from '../time/deadline.js'
import { browserName, formToken, newSecret, sameToken } from './browser.js'
import { isCallback } from './callback.js'
import {
  consentPage,
  cookieLostPage,
  decide,
  expiredPage,
  invalidCodePage,
  notTheirs,
  settledPage,
  signedIn,
  stoppedPage,
} from './consent.js'
import type { Arrival, InteractionContext, Visitor } from './context.js'
import { isLinkDecision, linkAccount, linkPage } from './link-account.js'
import { pageAnswer, problemPage, redirectAnswer, retryAfter } from './page-answer.js'
import { passAgain, passOn } from './pass-on.js'

/** After this many wrong codes an interaction ends (R-233, G-36). */
const maxFailures = 5
/** Limit on the bytes of a form. */
const formLimit = 4096

/**
 * The endpoint of the interaction page (AAuth 11.6.3, 7.3): one URL for each interaction.
 *
 * @param path what all interaction URLs begin with
 */
export function interactionEndpoint(path: string, context: InteractionContext): Endpoint {
  const handle: Handle = async (request, context) => {
    const target = splitTarget(request)
    const record = await findRecord(target.path.slice(path.length), context)
    if (record === undefined) return invalidCodePage(request, context)
    const visitor = await findVisitor(record, request, context)
    if ((await context.stops.find(record)) !== undefined)
      return visitor === undefined ? invalidCodePage(request, context) : stoppedPage(visitor, context)
    if (visitor !== undefined)
      return request.method === 'POST' ? receive(visitor, context) : show(visitor, context)
    if (request.method === 'POST')
      return problemPage(context.pages, request, 'access_denied', 'problemNotOpened')
    return arrive(record, new URLSearchParams(target.query), request, context)
  }
  return { path, prefix: true, methods: ['GET', 'HEAD', 'POST'], handle: forBrowsers(handle, context) }
}

type Handle = (request: HttpRequest, context: InteractionContext) => Promise<Answer>

/** Handles requests of browsers: a prefetch does nothing, and a failure is shown on a page. */
export function forBrowsers(handle: Handle, context: InteractionContext): Endpoint['handle'] {
  return (request) => {
    // A prefetch must not use up the code (G-37).
    if (request.method === 'HEAD') return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: '' }
    if (isPrefetch(request))
      return { status: 503, headers: { 'Cache-Control': 'no-store', 'Retry-After': retryAfter }, body: '' }
    return handle(request, { ...context, report: reportOn(context.report, request) }).catch(
      (cause: unknown) => failure(request, cause, context),
    )
  }
}

function isPrefetch({ rawHeaders }: HttpRequest): boolean {
  const purpose = `${fieldValue(rawHeaders, 'sec-purpose') ?? ''} ${fieldValue(rawHeaders, 'purpose') ?? ''}`
  return /prefetch|prerender|preview/i.test(purpose)
}

/** The pending request of an interaction. */
export async function findRecord(
  id: string,
  { records }: InteractionContext,
): Promise<PendingRecord | undefined> {
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) return undefined
  const pending = await records.behind(id)
  return pending === undefined ? undefined : records.find(pending)
}

/** The visitor, if this request is from the browser that came with the code; otherwise `undefined`. */
export async function findVisitor(
  record: PendingRecord,
  request: HttpRequest,
  { browser, records }: InteractionContext,
): Promise<Visitor | undefined> {
  const secret = browser.secretOf(request)
  const arrival = (await records.read(record, 'arrival')) as Arrival | undefined
  if (secret === undefined || arrival === undefined || browserName(secret) !== arrival.browser)
    return undefined
  return { record, arrival, request, secret }
}

/** Handles a new browser, with a code or without. The first that brings the code uses it up. */
async function arrive(
  record: PendingRecord,
  query: URLSearchParams,
  request: HttpRequest,
  context: InteractionContext,
): Promise<Answer> {
  const { records, pages, browser, pathOf } = context
  const interaction = record.interaction as NonNullable<PendingRecord['interaction']>
  const code = query.get('code')
  const before = (await records.read(record, 'arrival')) as Arrival | undefined
  const arrived = before !== undefined
  const settlement = await settlementOf(record, context)
  if (before !== undefined && code === null && isWithoutCookie(request, before, context)) {
    context.authentication.diagnose('AAUTH_COOKIE')
    return cookieLostPage(request, context)
  }
  const over = arrived || (await records.ending(record)) !== undefined
  if (over || (settlement !== undefined && settlement.outcome !== 'expired'))
    return invalidCodePage(request, context)
  const action = pathOf(interaction.id)
  if (code === null) {
    return settlement === undefined
      ? pageAnswer(pages, request, 200, { page: 'code', form: { action } })
      : expiredPage(request, context)
  }
  if (!isCode(code, interaction.code)) return wrongCode(record, request, context)
  if (settlement !== undefined) return expiredPage(request, context)
  const asked = query.get('callback')
  const allowed = asked === null || (await isCallback(asked, record, context.issuers))
  if (allowed instanceof Refusal) return problemPage(pages, request, allowed.code, 'problemProvider')
  // For a caller with a person's token, the callbacks of its agent are unknown. A person who is only sent on loses
  // nothing by not being sent back (G-38).
  const callback = allowed ? asked : null
  if (!allowed && record.chained !== true) {
    const key = record.link === true ? 'problemCallbackLink' : 'problemCallback'
    return problemPage(pages, request, 'invalid_request', key)
  }
  const secret = browser.secretOf(request) ?? newSecret()
  const arrival: Arrival = {
    browser: browserName(secret),
    callback: callback ?? undefined,
    at: context.clock(),
  }
  if (!(await records.claim(record, 'arrival', arrival))) return invalidCodePage(request, context)
  context.longPolls.wake(record.id)
  if (record.chained === true) return passOn(record, context, { 'Set-Cookie': browser.cookie(secret) })
  // To the URL without the code, so that the code is in no history and no referrer, and a reload is harmless.
  return redirectAnswer(action, { 'Set-Cookie': browser.cookie(secret) })
}

/** Milliseconds that a browser has to follow the redirect that set our cookie. */
const followed = 10_000

/**
 * Whether a browser follows the redirect that used up the code but has no cookie of ours: browsers keep it only over
 * https.
 */
function isWithoutCookie(
  request: HttpRequest,
  { at }: Arrival,
  { browser, clock }: InteractionContext,
): boolean {
  return browser.secretOf(request) === undefined && clock() - at < followed
}

async function wrongCode(
  record: PendingRecord,
  request: HttpRequest,
  context: InteractionContext,
): Promise<Answer> {
  let count = 1
  while (count < maxFailures && !(await context.records.claim(record, `failure-${count}`, true))) count++
  // The last attempt is not claimed: it ends the request, and a repeated one does so again if that failed.
  if (count === maxFailures) await settle(record, { outcome: 'invalid_code' }, context)
  return invalidCodePage(request, context)
}

async function show(visitor: Visitor, context: InteractionContext): Promise<Answer> {
  const settlement = await settlementOf(visitor.record, context)
  if (settlement !== undefined) return settledPage(visitor, settlement, context)
  // The agent has cancelled the request.
  if ((await context.records.ending(visitor.record)) !== undefined)
    return expiredPage(visitor.request, context)
  if (visitor.record.chained === true) return passAgain(visitor, context)
  const who = await signedIn(visitor, context)
  if ('status' in who) return who
  if (visitor.record.link === true) return linkPage(visitor, who, context)
  return (await notTheirs(visitor, who, context)) ?? consentPage(visitor, who, context)
}

/** Handles the form with the decision. The user signed in now decides; the code proves nothing about them. */
async function receive(visitor: Visitor, context: InteractionContext): Promise<Answer> {
  const { record, request, secret } = visitor
  if (
    // A request that is decided elsewhere cannot be decided here.
    record.chained === true ||
    (await context.records.ending(record)) !== undefined ||
    (await settlementOf(record, context)) !== undefined
  )
    return show(visitor, context)
  const form = await readForm(request, context)
  if (form instanceof Refusal) return problemPage(context.pages, request, form.code, 'problemUnread')
  const who = await signedIn(visitor, context)
  if ('status' in who) return who
  const stranger = await notTheirs(visitor, who, context)
  if (stranger !== undefined) return stranger
  const expected = formToken(secret, record.interaction?.id as string, who.user)
  const decision = form?.get('decision')
  if (!sameToken(form?.get('token') ?? '', expected))
    return problemPage(context.pages, request, 'access_denied', 'problemOutdated')
  if (record.link === true && isLinkDecision(decision)) return linkAccount(visitor, who, decision, context)
  if (decision === 'decline') return decide(visitor, { outcome: 'denied' }, context)
  if (decision !== 'approve')
    return problemPage(context.pages, request, 'invalid_request', 'problemUndecided')
  const { user, data } = who
  return decide(visitor, { outcome: 'approved', user, data }, context)
}

async function readForm(
  request: HttpRequest,
  { authentication }: InteractionContext,
): Promise<URLSearchParams | Refusal | undefined> {
  const type = fieldValue(request.rawHeaders, 'content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded[ \t]*(?:;|$)/i.test(type)) return undefined
  const content = await request.body?.(formLimit)
  if (!(content instanceof Uint8Array)) return refuseUnread(content, authentication.diagnose)
  return new URLSearchParams(Buffer.from(content).toString('utf8'))
}

/** The answer to a browser when something failed. */
function failure(request: HttpRequest, thrown: unknown, { pages, report }: InteractionContext): Answer {
  const cause = askable(thrown)
  const late = cause instanceof NoAnswer
  // A late function has an event of its own.
  if (!late) report({ name: 'failed', reason: messageOf(cause) }, request, cause)
  const code = late ? cause.refusal.code : cause instanceof StoreError ? 'store_unavailable' : 'server_error'
  try {
    return problemPage(pages, request, code, 'problemFailed')
  } catch {
    // The application's own page failed.
    return problemPage({ ...pages, page: undefined }, request, code, 'problemFailed')
  }
}

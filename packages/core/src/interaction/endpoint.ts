import { Refusal } from '../errors.js'
import { refuseUnread } from '../http/content.js'
import type { Endpoint, Host } from '../http/endpoint.js'
import { type Answer, fieldValue, type HttpRequest } from '../http/message.js'
import { isCode } from '../pending/code.js'
import type { PendingRecord } from '../pending/record.js'
import { settle, settlementOf } from '../pending/settle.js'
import { StoreError } from '../store/store-error.js'
import { browserName, formToken, newSecret, sameToken } from './browser.js'
import { isCallback } from './callback.js'
import {
  type Arrival,
  consentPage,
  decide,
  expiredPage,
  type Guest,
  type InteractionContext,
  invalidCodePage,
  notTheirs,
  settledPage,
  signedIn,
  stoppedPage,
} from './desk.js'
import { pageAnswer, problemPage, redirectAnswer, retryAfter } from './response.js'

/** Wrong codes that an interaction survives; the next one ends it (R-233, G-36). */
const maxFailures = 5
/** Bytes read of a form. */
const formLimit = 4096

/** The interaction page (AAuth 11.6.3, 7.3): one URL for each interaction. */
export function interactionEndpoint(path: string, context: InteractionContext): Endpoint {
  const handle = async (request: HttpRequest, host: Host): Promise<Answer> => {
    // Whoever only looks ahead arrives nowhere (G-37).
    if (request.method === 'HEAD') return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: '' }
    if (isPrefetch(request))
      return { status: 503, headers: { 'Cache-Control': 'no-store', 'Retry-After': retryAfter }, body: '' }
    const question = request.target.indexOf('?')
    const id = request.target.slice(path.length, question === -1 ? undefined : question)
    const record = await findRecord(id, context)
    if (record === undefined) return invalidCodePage(request, context)
    const guest = await findGuest(record, request, host, context)
    if ((await context.stops.find(record)) !== undefined)
      return guest === undefined ? invalidCodePage(request, context) : stoppedPage(request, context)
    if (guest !== undefined) return request.method === 'POST' ? receive(guest, context) : show(guest, context)
    if (request.method === 'POST')
      return problemPage(context.pages, request, 'access_denied', 'Open the link of your agent first.')
    const query = new URLSearchParams(question === -1 ? '' : request.target.slice(question + 1))
    return arrive(record, query, request, context)
  }
  return {
    path,
    prefix: true,
    methods: ['GET', 'HEAD', 'POST'],
    handle: (request, host = {}) =>
      handle(request, host).catch((cause: unknown) => failure(request, cause, context)),
  }
}

function isPrefetch({ rawHeaders }: HttpRequest): boolean {
  const purpose = `${fieldValue(rawHeaders, 'sec-purpose') ?? ''} ${fieldValue(rawHeaders, 'purpose') ?? ''}`
  return /prefetch|prerender|preview/i.test(purpose)
}

async function findRecord(id: string, { records }: InteractionContext): Promise<PendingRecord | undefined> {
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) return undefined
  const pending = await records.behind(id)
  return pending === undefined ? undefined : records.find(pending)
}

/** The browser that arrived with the code, come again. */
async function findGuest(
  record: PendingRecord,
  request: HttpRequest,
  host: Host,
  { browser, records }: InteractionContext,
): Promise<Guest | undefined> {
  const secret = browser.secretOf(request)
  const arrival = (await records.read(record, 'arrival')) as Arrival | undefined
  if (secret === undefined || arrival === undefined || browserName(secret) !== arrival.browser)
    return undefined
  return { record, arrival, request, native: host.native, secret }
}

/** With a code, or without. The code is spent by the first who brings it. */
async function arrive(
  record: PendingRecord,
  query: URLSearchParams,
  request: HttpRequest,
  context: InteractionContext,
): Promise<Answer> {
  const { records, pages, browser, pathOf } = context
  const interaction = record.interaction as NonNullable<PendingRecord['interaction']>
  const code = query.get('code')
  const arrived = (await records.read(record, 'arrival')) !== undefined
  const settlement = await settlementOf(record, context)
  const over = arrived || (await records.ending(record)) !== undefined
  if (over || (settlement !== undefined && settlement.outcome !== 'expired'))
    return invalidCodePage(request, context)
  const action = pathOf(interaction.id)
  if (code === null) {
    return settlement === undefined
      ? pageAnswer(pages, 200, { page: 'code', form: { action } })
      : expiredPage(request, context)
  }
  if (!isCode(code, interaction.code)) return wrongCode(record, request, context)
  if (settlement !== undefined) return expiredPage(request, context)
  const callback = query.get('callback')
  const allowed = callback === null || (await isCallback(callback, record, context.issuers))
  if (allowed instanceof Refusal)
    return problemPage(
      pages,
      request,
      allowed.code,
      'Your agent’s provider cannot be reached. Try again in a moment.',
    )
  if (!allowed) {
    return problemPage(
      pages,
      request,
      'invalid_request',
      'The link would lead to a place that is not your agent’s.',
    )
  }
  const secret = browser.secretOf(request) ?? newSecret()
  const arrival: Arrival = { browser: browserName(secret), ...(callback === null ? {} : { callback }) }
  if (!(await records.claim(record, 'arrival', arrival))) return invalidCodePage(request, context)
  context.waits.wake(record.id)
  // To an address without the code: nothing to leak, and reloads are harmless.
  return redirectAnswer(action, { 'Set-Cookie': browser.cookie(secret) })
}

async function wrongCode(
  record: PendingRecord,
  request: HttpRequest,
  context: InteractionContext,
): Promise<Answer> {
  let count = 1
  while (count < maxFailures && !(await context.records.claim(record, `failure-${count}`, true))) count++
  // The last is not claimed: ending the request is what is done about it, again if it failed before.
  if (count === maxFailures) await settle(record, { outcome: 'invalid_code' }, context)
  return invalidCodePage(request, context)
}

async function show(guest: Guest, context: InteractionContext): Promise<Answer> {
  const settlement = await settlementOf(guest.record, context)
  if (settlement !== undefined) return settledPage(guest, settlement, context)
  // The agent has called it off.
  if ((await context.records.ending(guest.record)) !== undefined) return expiredPage(guest.request, context)
  const who = await signedIn(guest, context)
  return 'status' in who ? who : (notTheirs(guest, who, context) ?? consentPage(guest, who, context))
}

/** The decision. The code brought the person here; what counts is who is signed in now. */
async function receive(guest: Guest, context: InteractionContext): Promise<Answer> {
  const { record, request, secret } = guest
  if (
    (await context.records.ending(record)) !== undefined ||
    (await settlementOf(record, context)) !== undefined
  )
    return show(guest, context)
  const form = await readForm(request, context)
  if (form instanceof Refusal) return problemPage(context.pages, request, form.code, unread)
  const who = await signedIn(guest, context)
  if ('status' in who) return who
  const stranger = notTheirs(guest, who, context)
  if (stranger !== undefined) return stranger
  const expected = formToken(secret, record.interaction?.id as string, who.user)
  const decision = form?.get('decision')
  if (!sameToken(form?.get('token') ?? '', expected))
    return problemPage(
      context.pages,
      request,
      'access_denied',
      'This page was out of date. Go back and look again.',
    )
  if (decision === 'decline') return decide(guest, { outcome: 'denied' }, context)
  if (decision !== 'approve')
    return problemPage(context.pages, request, 'invalid_request', 'Neither approved nor declined.')
  const { user, data } = who
  return decide(guest, { outcome: 'approved', user, ...(data === undefined ? {} : { data }) }, context)
}

const unread = 'The form could not be read.'

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

function failure(request: HttpRequest, cause: unknown, { pages, report }: InteractionContext): Answer {
  report({ name: 'failed', reason: cause instanceof Error ? cause.message : String(cause) })
  const code = cause instanceof StoreError ? 'store_unavailable' : 'server_error'
  return problemPage(pages, request, code, 'Something went wrong here. Try again in a moment.')
}

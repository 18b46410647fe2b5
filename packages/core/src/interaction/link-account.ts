import type { Grant, Person } from '../caller.js'
import { askable, messageOf } from '../errors.js'
import type { Answer } from '../http/message.js'
import { inquiryOf } from '../http/request-view.js'
import { settle, settlementOf } from '../pending/settle.js'
import { NoAnswer } from '../time/deadline.js'
import type { UserDirectory } from '../users/directory.js'
import { formToken } from './browser.js'
import {
  backFrom,
  consentPage,
  decide,
  formTarget,
  linkOnPage,
  settledPage,
  stoppedPage,
  whoOnPage,
} from './consent.js'
import type { InteractionContext, Visitor } from './context.js'
import type { SignedIn } from './options.js'
import { pageAnswer, problemPage } from './page-answer.js'

/** A decision about a link on our page. */
export type LinkDecision = 'approve' | 'continue' | 'decline'

type Decide = (visitor: Visitor, who: SignedIn, context: InteractionContext) => Promise<Answer>

/** The page on which the signed-in user links the person; or the page that says that the person is linked already. */
export async function linkPage(
  visitor: Visitor,
  who: SignedIn,
  context: InteractionContext,
): Promise<Answer> {
  const linked = await findUser(visitor, context)
  return linked === undefined ? consentPage(visitor, who, context) : linkedPage(visitor, who, context)
}

/**
 * Links the person, or continues with the user to whom they are linked already. A person is never linked to a second
 * user: no other page can link the same person meanwhile, and a person found to be linked is told so.
 */
export async function linkAccount(
  visitor: Visitor,
  who: SignedIn,
  decision: LinkDecision,
  context: InteractionContext,
): Promise<Answer> {
  const answer = await directoryOf(context).alone(personOf(visitor), async () => {
    // Another form of this page may have come first, and a person who was denied or unlinked since must not be
    // linked.
    const settlement = await settlementOf(visitor.record, context)
    if (settlement !== undefined) return settledPage(visitor, settlement, context)
    if ((await context.stops.find(visitor.record)) !== undefined) return stoppedPage(visitor, context)
    return decisions[decision](visitor, who, context)
  })
  if (answer !== 'busy') return answer
  return problemPage(
    context.pages,
    visitor.request,
    'overloaded',
    'problemLinking',
    await whoOnPage(visitor, who, context),
  )
}

async function link(visitor: Visitor, who: SignedIn, context: InteractionContext): Promise<Answer> {
  const person = personOf(visitor)
  const linked = await findUser(visitor, context)
  if (linked !== undefined) return linkedPage(visitor, who, context)
  let refused: string | undefined
  try {
    refused = await directoryOf(context).link(person, who, inquiryOf(visitor.request))
  } catch (thrown) {
    const cause = askable(thrown)
    // Whether they are linked is unknown; the page says so when it is loaded again.
    if (cause instanceof NoAnswer) throw cause
    context.report({ name: 'failed', reason: messageOf(cause) }, visitor.request, cause)
    return decide(visitor, { outcome: 'server_error' }, context)
  }
  if (refused !== undefined) return refusedPage(visitor, who, refused, context)
  // Without this mark, a person unlinked while the application was linking would count as linked.
  if ((await context.stops.find(visitor.record)) !== undefined) return takeBack(visitor, context)
  const { ps } = person.person
  context.report({ name: 'linked', ps, person: context.hashOf(person.person) }, visitor.request)
  if (!(await canBeFound(visitor, context))) context.authentication.diagnose('AAUTH_LINK')
  return decide(visitor, { outcome: 'approved', user: who.user }, context)
}

/**
 * Whether `find` sees what `link` has done. Otherwise the person would be sent here again and again without an
 * explanation.
 */
async function canBeFound(visitor: Visitor, context: InteractionContext): Promise<boolean> {
  try {
    return (await findUser(visitor, context)) !== undefined
  } catch {
    // They are linked all the same, and the agent's next request reports what is wrong with `find`.
    return true
  }
}

async function takeBack(visitor: Visitor, context: InteractionContext): Promise<Answer> {
  if (!(await directoryOf(context).unlink(personOf(visitor), inquiryOf(visitor.request)))) {
    const reason = 'a person was linked while they were stopped, and there is no users.unlink to take it back'
    context.report({ name: 'failed', reason }, visitor.request)
  }
  return stoppedPage(visitor, context)
}

const decisions: Readonly<Record<LinkDecision, Decide>> = {
  approve: link,
  continue: goOn,
  decline: (visitor, _, context) => decide(visitor, { outcome: 'denied' }, context),
}

/** Continues with the user to whom the person is linked. Nothing is changed, and the person server goes on. */
async function goOn(visitor: Visitor, who: SignedIn, context: InteractionContext): Promise<Answer> {
  const linked = await findUser(visitor, context)
  // They have been unlinked meanwhile, and linking requires their consent.
  if (linked === undefined) return consentPage(visitor, who, context)
  return decide(visitor, { outcome: 'approved', user: who.user }, context)
}

async function linkedPage(visitor: Visitor, who: SignedIn, context: InteractionContext): Promise<Answer> {
  const { record, secret } = visitor
  const id = record.interaction?.id as string
  const view = {
    page: 'linked',
    use: 'link',
    wants: { scopes: [], link: linkOnPage(record) },
    form: { action: context.pathOf(id), token: formToken(secret, id, who.user) },
    ...(await whoOnPage(visitor, who, context)),
  } as const
  return pageAnswer(context.pages, visitor.request, 200, view, formTarget(visitor))
}

/** The page with the application's own reason for not linking the person, who then returns to their server. */
async function refusedPage(
  visitor: Visitor,
  who: SignedIn,
  reason: string,
  context: InteractionContext,
): Promise<Answer> {
  await settle(visitor.record, { outcome: 'denied' }, context)
  return problemPage(context.pages, visitor.request, 'access_denied', 'problemRefused', {
    ...(await whoOnPage(visitor, who, context)),
    refused: reason,
    ...backFrom(visitor),
  })
}

/** A record is for linking only if the resource token was made for a verified person. */
const personOf = ({ record }: Visitor): Person | Grant => record.caller as Person | Grant

function findUser(visitor: Visitor, context: InteractionContext): ReturnType<UserDirectory['find']> {
  return directoryOf(context).find(personOf(visitor), inquiryOf(visitor.request))
}

function directoryOf({ users }: InteractionContext): UserDirectory {
  // Another instance may have opened the page with options that this one does not have.
  if (users === undefined) throw new TypeError('option users: is missing, and a person is to be linked')
  return users
}

/** Whether the form of a page for linking holds a valid decision. */
export function isLinkDecision(decision: string | null | undefined): decision is LinkDecision {
  return typeof decision === 'string' && Object.hasOwn(decisions, decision)
}

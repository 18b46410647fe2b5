import {
  type AccessConfig,
  type Authorized,
  type AuthorizeVerdict,
  checkSessionPerson,
} from '../access/access-options.js'
import type { ScopeList } from '../access/scope-list.js'
import type { UserScopes } from '../access/user-scopes.js'
import { denied, refused } from '../answer/outcome.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import { findStop } from '../authentication/stops.js'
import { type Origin, originOf, type Person } from '../caller.js'
import { Refusal } from '../errors.js'
import type { Report } from '../events.js'
import { type Answer, type HttpRequest, jsonAnswer } from '../http/message.js'
import { inquiryOf, viewNoted } from '../http/request-view.js'
import type { AskInteraction } from '../interaction/ask.js'
import type { GrantToken } from '../pending/grant-token.js'
import type { Deferrals } from '../pending/open.js'
import type { SessionService } from '../session/sessions.js'
import type { Deadlines } from '../time/deadline.js'
import type { UserDirectory } from '../users/directory.js'
import type { AuthorizationRequest } from './authorization-request.js'

/** The dependencies of {@link createAuthorize}. */
export interface AuthorizeContext {
  readonly authentication: AuthenticationContext
  readonly grantToken: GrantToken
  /** The option `users`. */
  readonly users: UserDirectory | undefined
  readonly userScopes: Pick<UserScopes, 'needUser'>
  readonly scopes: ScopeList
  readonly access: AccessConfig
  readonly deferrals: Pick<Deferrals, 'session'>
  readonly sessions: Pick<SessionService, 'begin' | 'marks'>
  /** Whether there is an interaction page. */
  readonly interaction: boolean
  readonly deadlines: Deadlines
  readonly report: Report
}

/** Answers a checked authorization request, as the option `authorize` decides. */
export type Authorize = (asked: AuthorizationRequest, caller: Person, request: HttpRequest) => Promise<Answer>

/** Creates it. */
export function createAuthorize(context: AuthorizeContext): Authorize {
  const { authentication, access, deadlines, deferrals, grantToken, report, scopes, sessions, users } =
    context

  const askApplication = async (
    { scope, account }: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<AuthorizeVerdict> => {
    if (access.authorize === undefined) return scope
    const now = Math.floor(authentication.clock() / 1000)
    const asked = { caller, scope, account, now, request: viewNoted(request) }
    const inquiry = Object.assign(inquiryOf(request), asked)
    return deadlines.ask(inquiry, access.authorize.bind(access), 'authorize')
  }

  const askConsent = async (
    scope: readonly string[],
    { account }: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<Answer> => {
    if (scope.length === 0) return denied('access_denied', undefined, report, request).answer
    // A person who has to come to our page does so before the consent, not after it.
    const isUnlinked =
      context.userScopes.needUser(scope) && (await users?.find(caller, inquiryOf(request))) === undefined
    const token = await grantToken(
      caller,
      {
        scope,
        ...(account === undefined ? {} : { account }),
        ...(isUnlinked ? { link: true } : {}),
      },
      request,
    )
    if (token instanceof Refusal) return refused(token, report, request).answer
    report({ name: 'authorized', by: 'resource-token' }, request)
    return jsonAnswer({ resource_token: token }, noStore)
  }

  const askPerson = async (
    { description, by }: AskInteraction,
    asked: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<Answer> => {
    if (!context.interaction) throw new TypeError('interact needs the option interaction, with the login')
    const scope = asked.scope.filter(scopes.isOwn)
    const named = by === undefined ? undefined : [by].flat()
    return (await deferrals.session(request, caller, { scope, description, by: named })).answer
  }

  const authorizeAtOnce = async (
    { scope, session }: Authorized,
    { jkt }: Person,
    origin: Origin,
    request: HttpRequest,
  ): Promise<Answer> => {
    report({ name: 'authorized', by: 'resource' }, request)
    if (session === undefined) return jsonAnswer({ status: 'authorized', scope: scope.join(' ') }, noStore)
    // The application may have made the object without calling `authorized`.
    checkSessionPerson(session)
    const marks = await sessions.marks({ jkt, user: session.user })
    // A revocation may have come while the application decided.
    const stop = await findStop([origin], authentication)
    if (stop !== undefined) return refused(stop, report, request).answer
    const at = authentication.clock()
    return sessions.begin({ origins: [origin], jkt, session: { scope } }, { ...session, at, marks })
  }

  return async (asked, caller, request) => {
    const origin = await authentication.unlinks.mark(originOf(caller))
    const verdict = await askApplication(asked, caller, request)
    const isDenied = 'verdict' in verdict && verdict.verdict === 'deny'
    const used = isDenied ? undefined : await authentication.replays.use(request, authentication.replay)
    if (used !== undefined) return refused(used, report, request).answer
    if (!('verdict' in verdict)) return askConsent(narrow(verdict, asked), asked, caller, request)
    switch (verdict.verdict) {
      case 'deny':
        return denied(verdict.code, verdict.detail, report, request).answer
      case 'interact':
        return askPerson(verdict, asked, caller, request)
      case 'authorized':
        return authorizeAtOnce({ ...verdict, scope: narrow(verdict.scope, asked) }, caller, origin, request)
    }
  }
}

function narrow(scope: unknown, asked: AuthorizationRequest): readonly string[] {
  if (Array.isArray(scope) && scope.every((name) => asked.scope.includes(name))) return scope
  throw new TypeError(
    'option authorize: must answer some or all of input.scope, deny(…), authorized(…) or interact(…)',
  )
}

const noStore = { 'Cache-Control': 'no-store' }

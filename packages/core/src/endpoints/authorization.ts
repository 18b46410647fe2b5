import { type AccessConfig, type AuthorizeVerdict, checkSessionPerson } from '../access/access-options.js'
import { isHeld } from '../access/bindings.js'
import type { ScopeList } from '../access/scope-list.js'
import type { UserScopes } from '../access/user-scopes.js'
import { challengeAnswer, unsignedAnswer } from '../answer/challenge.js'
import { challenged, denied, failed, refused } from '../answer/outcome.js'
import { type AuthenticationContext, authenticate } from '../authentication/authenticate.js'
import type { Explain } from '../authentication/explain.js'
import { findStop } from '../authentication/stops.js'
import { originOf, type Person } from '../caller.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import type { Report } from '../events.js'
import { readJsonObject } from '../http/content.js'
import type { Endpoint } from '../http/endpoint.js'
import { type Answer, type HttpRequest, jsonAnswer } from '../http/message.js'
import { inquiryOf, viewNoted } from '../http/request-view.js'
import { fixedLimits } from '../limits.js'
import type { GrantToken } from '../pending/grant-token.js'
import type { Deferrals } from '../pending/open.js'
import type { SessionService } from '../session/sessions.js'
import { foreignSignature, refuseForeign, unsigned } from '../signature/read.js'
import type { Deadlines } from '../time/deadline.js'
import type { UserDirectory } from '../users/directory.js'

/** What the authorization endpoint depends on. */
export interface AuthorizationContext {
  readonly authentication: AuthenticationContext
  readonly explain: Explain
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

/** The checked content of a request. */
interface AuthorizationRequest {
  readonly scope: readonly string[]
  readonly account: string | undefined
}

/**
 * The authorization endpoint (AAuth 6.6): for a person token and a scope it gives a resource token. Other answers are a
 * challenge for a person token, a refusal of the signature, or a problem with one of the four codes of 6.6.3.
 */
export function authorizationEndpoint(path: string, context: AuthorizationContext): Endpoint {
  const authentication = {
    ...context.authentication,
    bodyLimit: fixedLimits.authorizationBody,
    isOwnEndpoint: true,
  } as const
  const { explain, grantToken, scopes, access, deferrals, sessions, deadlines, report, users, userScopes } =
    context

  const authorize = async (request: HttpRequest): Promise<Answer> => {
    const caller = await authenticate(request, authentication)
    if (caller instanceof Refusal) {
      explain(request, caller)
      return refused(caller === foreignSignature ? foreignRefusal : caller, report, request).answer
    }
    if (caller === unsigned || caller.kind !== 'person') {
      // Only a person token will do; an agent token or an auth token is challenged, too (R-174, G-05).
      const answer =
        caller === unsigned
          ? unsignedAnswer('person-token', authentication.signature.schemes)
          : challengeAnswer('person-token')
      return challenged('person-token', answer, report, request).answer
    }
    const asked = await readAsked(request, authentication.diagnose)
    const checked = asked instanceof Refusal ? asked : await check(asked, caller, request)
    return checked instanceof Refusal
      ? refused(checked, report, request).answer
      : conclude(checked, caller, request)
  }

  /** Drops identity scopes that the person server does not support (G-49), and checks who holds the account. */
  const check = async (
    { scope, account }: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<AuthorizationRequest | Refusal> => {
    if (!scope.every((name) => scopes.isOwn(name) || scopes.isIdentity(name))) return refuse('invalid_scope')
    const admitted = await scopes.admit(scope, caller.person.ps)
    if (admitted instanceof Refusal) return admitted
    if (admitted.length === 0)
      return refuse('invalid_scope', 'The person server supports none of these scopes')
    if (account === undefined) return { scope: admitted, account }
    const held =
      access.accounts !== undefined &&
      (await isHeld(
        access.accounts,
        caller,
        { account, request: viewNoted(request) },
        inquiryOf(request),
        deadlines,
      ))
    return held ? { scope: admitted, account } : refuse('invalid_account')
  }

  const conclude = async (
    asked: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<Answer> => {
    const origin = await authentication.unlinks.mark(originOf(caller))
    const verdict = await judge(asked, caller, request)
    const isDenied = 'verdict' in verdict && verdict.verdict === 'deny'
    const used = isDenied ? undefined : await authentication.replays.use(request, authentication.replay)
    if (used !== undefined) return refused(used, report, request).answer
    if (!('verdict' in verdict)) return askConsent(narrow(verdict, asked), asked, caller, request)
    switch (verdict.verdict) {
      case 'deny':
        return denied(verdict.code, verdict.detail, report, request).answer
      case 'interact': {
        if (!context.interaction) throw new TypeError('interact needs the option interaction, with the login')
        const { description, by } = verdict
        const scope = asked.scope.filter(scopes.isOwn)
        const named = by === undefined ? undefined : [by].flat()
        return (await deferrals.session(request, caller, { scope, description, by: named })).answer
      }
      case 'authorized': {
        const scope = narrow(verdict.scope, asked)
        report({ name: 'authorized', by: 'resource' }, request)
        if (verdict.session === undefined)
          return jsonAnswer({ status: 'authorized', scope: scope.join(' ') }, noStore)
        // It may be an object that `authorized` has not made.
        checkSessionPerson(verdict.session)
        const { jkt } = caller
        const marks = await sessions.marks({ jkt, user: verdict.session.user })
        // A revocation may have come while the application decided.
        const stop = await findStop([origin], authentication)
        if (stop !== undefined) return refused(stop, report, request).answer
        const at = authentication.clock()
        return sessions.begin(
          { origins: [origin], jkt, session: { scope } },
          { ...verdict.session, at, marks },
        )
      }
    }
  }

  const askConsent = async (
    scope: readonly string[],
    asked: AuthorizationRequest,
    caller: Person,
    request: HttpRequest,
  ): Promise<Answer> => {
    if (scope.length === 0) return denied('access_denied', undefined, report, request).answer
    const { account } = asked
    // Whoever has to come to our page comes before the consent, not after it.
    const unlinked =
      userScopes.needUser(scope) && (await users?.find(caller, inquiryOf(request))) === undefined
    const token = await grantToken(
      caller,
      {
        scope,
        ...(account === undefined ? {} : { account }),
        ...(unlinked ? { link: true } : {}),
      },
      request,
    )
    if (token instanceof Refusal) return refused(token, report, request).answer
    report({ name: 'authorized', by: 'resource-token' }, request)
    return jsonAnswer({ resource_token: token }, noStore)
  }

  const judge = async (
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

  return {
    path,
    methods: ['POST'],
    async handle(request) {
      const answer = await authorize(request).catch((cause: unknown) => failed(cause, report, request).answer)
      // A refusal uses up no signature (G-71).
      if (answer.status >= 400) await authentication.replays.giveBack(request)
      return answer
    },
  }
}

function narrow(scope: unknown, asked: AuthorizationRequest): readonly string[] {
  if (Array.isArray(scope) && scope.every((name) => asked.scope.includes(name))) return scope
  throw new TypeError(
    'option authorize: must answer some or all of input.scope, deny(…), authorized(…) or interact(…)',
  )
}

const noStore = { 'Cache-Control': 'no-store' }

async function readAsked(request: HttpRequest, diagnose: Diagnose): Promise<AuthorizationRequest | Refusal> {
  const body = await readJsonObject(request, { limit: fixedLimits.authorizationBody, diagnose })
  if (body instanceof Refusal) return body
  const { scope, account } = body
  if (typeof scope !== 'string' || !scopeText.test(scope))
    return refuse('invalid_request', 'scope must be a list of scope names, with single spaces between them')
  if (account !== undefined && (typeof account !== 'string' || account === ''))
    return refuse('invalid_request', 'account must be a non-empty string')
  return { scope: [...new Set(scope.split(' '))], account }
}

const foreignRefusal = refuseForeign('person-token')

/** RFC 6749, 3.3. */
const scopeText = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

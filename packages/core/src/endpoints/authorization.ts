import { type AccessConfig, type AuthorizeVerdict, checkSessionPerson } from '../access/access-options.js'
import { isHeld } from '../access/bindings.js'
import type { ScopeList } from '../access/scope-list.js'
import { challengeAnswer, unsignedAnswer } from '../answer/challenge.js'
import { challenged, denied, failed, refused } from '../answer/outcome.js'
import { type AuthenticationContext, authenticate } from '../authentication/authenticate.js'
import type { Explain } from '../authentication/explain.js'
import { findStop } from '../authentication/standing.js'
import { originOf, type Person } from '../caller.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import type { Report } from '../events.js'
import { readJsonObject } from '../http/content.js'
import type { Endpoint } from '../http/endpoint.js'
import { type Answer, type HttpRequest, jsonAnswer } from '../http/message.js'
import { fixedLimits } from '../limits.js'
import type { Waiting } from '../pending/open.js'
import type { SessionDesk } from '../session/sessions.js'
import { foreignSignature, refuseForeign, unsigned } from '../signature/read.js'
import type { ResourceTokenMint } from '../token/resource-token.js'

/** What the authorization endpoint works with. */
export interface AuthorizationContext {
  readonly authentication: AuthenticationContext
  readonly explain: Explain
  readonly mint: ResourceTokenMint
  readonly scopes: ScopeList
  readonly access: AccessConfig
  readonly waiting: Pick<Waiting, 'session'>
  readonly sessions: Pick<SessionDesk, 'begin' | 'marks'>
  /** Whether there is an interaction page. */
  readonly interaction: boolean
  readonly report: Report
}

interface Asked {
  readonly scope: readonly string[]
  readonly account: string | undefined
}

/**
 * The authorization endpoint (AAuth 6.6): a person token and a scope in, a resource token out. Everything else is a
 * challenge for a person token, a refusal of the signature, or a problem with one of the four codes of 6.6.3.
 */
export function authorizationEndpoint(path: string, context: AuthorizationContext): Endpoint {
  const authentication = {
    ...context.authentication,
    bodyLimit: fixedLimits.authorizationBody,
    isOwnEndpoint: true,
  } as const
  const { explain, mint, scopes, access, waiting, sessions, report } = context

  const authorize = async (request: HttpRequest): Promise<Answer> => {
    const caller = await authenticate(request, authentication)
    if (caller instanceof Refusal) {
      explain(request, caller)
      return refused(caller === foreignSignature ? foreignRefusal : caller, report).answer
    }
    if (caller === unsigned || caller.kind !== 'person') {
      // An agent token is no person token, and neither is an auth token (R-174, G-05).
      const answer =
        caller === unsigned
          ? unsignedAnswer('person-token', authentication.signature.schemes)
          : challengeAnswer('person-token')
      return challenged('person-token', answer, report).answer
    }
    const asked = await readAsked(request, authentication.diagnose)
    const checked = asked instanceof Refusal ? asked : await check(asked, caller)
    return checked instanceof Refusal ? refused(checked, report).answer : conclude(checked, caller, request)
  }

  /** Drops identity scopes that the person's server lacks (G-49), and asks who holds the account. */
  const check = async ({ scope, account }: Asked, caller: Person): Promise<Asked | Refusal> => {
    if (!scope.every((name) => scopes.isOwn(name) || scopes.isIdentity(name))) return refuse('invalid_scope')
    const admitted = await scopes.admit(scope, caller.person.ps)
    if (admitted instanceof Refusal) return admitted
    if (admitted.length === 0) return refuse('invalid_scope', 'The person’s server offers none of these')
    if (account === undefined) return { scope: admitted, account }
    const held = access.accounts !== undefined && (await isHeld(access.accounts, caller, account))
    return held ? { scope: admitted, account } : refuse('invalid_account')
  }

  const conclude = async (asked: Asked, caller: Person, request: HttpRequest): Promise<Answer> => {
    const verdict = await judge(asked, caller)
    const isDenied = 'verdict' in verdict && verdict.verdict === 'deny'
    const used = isDenied ? undefined : await authentication.replays.use(request, authentication.replay)
    if (used !== undefined) return refused(used, report).answer
    if (!('verdict' in verdict)) return askConsent(narrow(verdict, asked), asked, caller)
    switch (verdict.verdict) {
      case 'deny':
        return denied(verdict.code, verdict.detail, report).answer
      case 'interact': {
        if (!context.interaction) throw new TypeError('interact needs the option interaction, with the login')
        const { description, by } = verdict
        const scope = asked.scope.filter(scopes.isOwn)
        const more = {
          ...(description === undefined ? {} : { description }),
          ...(by === undefined ? {} : { by: [by].flat() }),
        }
        return (await waiting.session(request, caller, { scope, ...more })).answer
      }
      case 'authorized': {
        const scope = narrow(verdict.scope, asked)
        report({ name: 'authorized', by: 'resource' })
        if (verdict.session === undefined)
          return jsonAnswer({ status: 'authorized', scope: scope.join(' ') }, noStore)
        // It may be an object that `authorized` has not made.
        checkSessionPerson(verdict.session)
        const { jkt } = caller
        const marks = await sessions.marks({ jkt, user: verdict.session.user })
        // The application may have taken its time.
        const stop = await findStop([caller], authentication)
        if (stop !== undefined) return refused(stop, report).answer
        const at = authentication.clock()
        return sessions.begin(
          { origins: [originOf(caller)], jkt, session: { scope } },
          { ...verdict.session, at, marks },
        )
      }
    }
  }

  const askConsent = async (scope: readonly string[], asked: Asked, caller: Person): Promise<Answer> => {
    if (scope.length === 0) return denied('access_denied', undefined, report).answer
    const token = await mint(caller, { scope, account: asked.account })
    report({ name: 'authorized', by: 'resource-token' })
    return jsonAnswer({ resource_token: token }, noStore)
  }

  const judge = async ({ scope, account }: Asked, caller: Person): Promise<AuthorizeVerdict> => {
    if (access.authorize === undefined) return scope
    const now = Math.floor(authentication.clock() / 1000)
    return access.authorize({ caller, scope, account, now })
  }

  return {
    path,
    methods: ['POST'],
    async handle(request) {
      const answer = await authorize(request).catch((cause: unknown) => failed(cause, report).answer)
      // A refusal uses up no signature (G-71).
      if (answer.status >= 400) await authentication.replays.giveBack(request)
      return answer
    },
  }
}

function narrow(scope: unknown, asked: Asked): readonly string[] {
  if (Array.isArray(scope) && scope.every((name) => asked.scope.includes(name))) return scope
  throw new TypeError('authorize answered with something else than some of the scopes asked for')
}

const noStore = { 'Cache-Control': 'no-store' }

async function readAsked(request: HttpRequest, diagnose: Diagnose): Promise<Asked | Refusal> {
  const body = await readJsonObject(request, { limit: fixedLimits.authorizationBody, diagnose })
  if (body instanceof Refusal) return body
  const { scope, account } = body
  if (typeof scope !== 'string' || !scopeText.test(scope))
    return refuse('invalid_request', 'scope is missing, or no list of names')
  if (account !== undefined && (typeof account !== 'string' || account === ''))
    return refuse('invalid_request', 'account is no name')
  return { scope: [...new Set(scope.split(' '))], account }
}

const foreignRefusal = refuseForeign('person-token')

/** RFC 6749, 3.3. */
const scopeText = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

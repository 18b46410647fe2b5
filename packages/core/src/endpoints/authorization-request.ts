import type { AccessConfig } from '../access/access-options.js'
import { isHeld } from '../access/bindings.js'
import type { ScopeList } from '../access/scope-list.js'
import type { Person } from '../caller.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { readJsonObject } from '../http/content.js'
import type { HttpRequest } from '../http/message.js'
import { inquiryOf, viewNoted } from '../http/request-view.js'
import { fixedLimits } from '../limits.js'
import type { Deadlines } from '../time/deadline.js'

/** What an agent asks for at the authorization endpoint (AAuth 6.6). */
export interface AuthorizationRequest {
  readonly scope: readonly string[]
  readonly account: string | undefined
}

/** The dependencies of {@link admitAuthorizationRequest}. */
export interface AdmissionContext {
  readonly scopes: ScopeList
  readonly access: Pick<AccessConfig, 'accounts'>
  readonly deadlines: Deadlines
}

/** Reads the content of a request to the authorization endpoint. */
export async function readAuthorizationRequest(
  request: HttpRequest,
  diagnose: Diagnose,
): Promise<AuthorizationRequest | Refusal> {
  const body = await readJsonObject(request, { limit: fixedLimits.authorizationBody, diagnose })
  if (body instanceof Refusal) return body
  const { scope, account } = body
  if (typeof scope !== 'string' || !scopeText.test(scope))
    return refuse('invalid_request', 'scope must be a list of scope names, with single spaces between them')
  if (account !== undefined && (typeof account !== 'string' || account === ''))
    return refuse('invalid_request', 'account must be a non-empty string')
  return { scope: [...new Set(scope.split(' '))], account }
}

/** RFC 6749, 3.3. */
const scopeText = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * Refuses unknown scopes and accounts that the caller does not hold, and drops identity scopes that the person server does
 * not support (G-49).
 */
export async function admitAuthorizationRequest(
  { scope, account }: AuthorizationRequest,
  caller: Person,
  request: HttpRequest,
  { scopes, access, deadlines }: AdmissionContext,
): Promise<AuthorizationRequest | Refusal> {
  if (!scope.every((name) => scopes.isOwn(name) || scopes.isIdentity(name))) return refuse('invalid_scope')
  const admitted = await scopes.admit(scope, caller.person.ps)
  if (admitted instanceof Refusal) return admitted
  if (admitted.length === 0) return refuse('invalid_scope', 'The person server supports none of these scopes')
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

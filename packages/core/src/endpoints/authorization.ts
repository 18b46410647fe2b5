import { challengeAnswer, unsignedAnswer } from '../answer/challenge.js'
import { challenged, failed, refused } from '../answer/outcome.js'
import { authenticate } from '../authentication/authenticate.js'
import type { Explain } from '../authentication/explain.js'
import { Refusal } from '../errors.js'
import type { Endpoint } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { fixedLimits } from '../limits.js'
import { foreignSignature, refuseForeign, unsigned } from '../signature/read.js'
import { admitAuthorizationRequest, readAuthorizationRequest } from './authorization-request.js'
import { type AuthorizeContext, createAuthorize } from './authorization-verdict.js'

/** What the authorization endpoint depends on. */
export interface AuthorizationContext extends AuthorizeContext {
  readonly explain: Explain
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
  const { explain, report } = context
  const authorize = createAuthorize({ ...context, authentication })

  const answer = async (request: HttpRequest): Promise<Answer> => {
    const caller = await authenticate(request, authentication)
    if (caller instanceof Refusal) {
      explain(request, caller)
      return refused(caller === foreignSignature ? foreignRefusal : caller, report, request).answer
    }
    // Only a person token will do; an agent token or an auth token is challenged, too (R-174, G-05).
    if (caller === unsigned || caller.kind !== 'person') {
      const challenge =
        caller === unsigned
          ? unsignedAnswer('person-token', authentication.signature.schemes)
          : challengeAnswer('person-token')
      return challenged('person-token', challenge, report, request).answer
    }
    const read = await readAuthorizationRequest(request, authentication.diagnose)
    const asked =
      read instanceof Refusal ? read : await admitAuthorizationRequest(read, caller, request, context)
    return asked instanceof Refusal
      ? refused(asked, report, request).answer
      : authorize(asked, caller, request)
  }

  return {
    path,
    methods: ['POST'],
    async handle(request) {
      const answered = await answer(request).catch((cause: unknown) => failed(cause, report, request).answer)
      // A refusal uses up no signature (G-71).
      if (answered.status >= 400) await authentication.replays.giveBack(request)
      return answered
    },
  }
}

const foreignRefusal = refuseForeign('person-token')

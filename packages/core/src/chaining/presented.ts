import type { TokenCaller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import { PresentedJwt } from '../signature/key-scheme.js'
import { readSignature, type SignaturePolicy, unsigned } from '../signature/read.js'
import { decodeJws } from '../token/jws.js'

/**
 * The token with which this caller was verified on this request. It is read again from the same fields, because
 * verification keeps no token and only calls to suppliers need one. The age of the signature does not matter here.
 */
export function presentedToken(
  request: HttpRequest,
  caller: TokenCaller,
  policy: SignaturePolicy,
): string | undefined {
  const read = readSignature(request, { ...policy, window: Number.POSITIVE_INFINITY }, 0)
  if (read === unsigned || read instanceof Refusal || !(read.key instanceof PresentedJwt)) return undefined
  const { jwt } = read.key
  return isTokenOf(jwt, caller) ? jwt : undefined
}

function isTokenOf(jwt: string, { token }: TokenCaller): boolean {
  const claims = decodeJws(jwt, Number.MAX_SAFE_INTEGER)?.payload
  return claims?.['iss'] === token.iss && claims['jti'] === token.jti && claims['exp'] === token.exp
}

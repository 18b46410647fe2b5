import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { readJsonObject } from '../http/content.js'
import type { HttpRequest } from '../http/message.js'
import { fixedLimits } from '../limits.js'

/** The content of a revocation (AAuth 11.12.1). `exp`: the token's own, in seconds. */
export interface RevokedToken {
  readonly jti: string
  readonly exp: number
}

/** A revocation sent to us. */
export interface ReadRevocation extends RevokedToken {
  /** Whether it has an `exp`, or one was assumed. */
  readonly isSaid: boolean
}

/**
 * Reads the content of a revocation (AAuth 11.12.1). Other members are ignored: an `iss` means nothing beside the
 * signature (N-177).
 *
 * @param latest seconds: no token accepted here expires later
 * @param unsaid seconds: the `exp` assumed if a revocation has none; `undefined` if it must have one
 */
export async function readRevocation(
  request: HttpRequest,
  latest: number,
  unsaid: number | undefined,
  diagnose: Diagnose,
): Promise<ReadRevocation | Refusal> {
  const body = await readJsonObject(request, { limit: fixedLimits.revocationBody, diagnose })
  if (body instanceof Refusal) return body
  const { jti, exp = unsaid } = body
  if (typeof jti !== 'string' || jti === '' || jti.length > fixedLimits.jti) {
    return refuse('invalid_request', `jti must be a string of 1 to ${fixedLimits.jti} characters`)
  }
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp <= 0) {
    return refuse('invalid_request', 'exp must be a positive number')
  }
  return exp > latest
    ? refuse('invalid_request', 'exp is later than that of any token accepted here')
    : { jti, exp: Math.floor(exp), isSaid: 'exp' in body }
}

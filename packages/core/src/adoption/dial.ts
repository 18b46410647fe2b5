import type { TokenCaller } from '../caller.js'
import { z } from '../configuration/schema.js'
import { importPublicJwk, KeyFault } from '../crypto/keys.js'
import { fieldValue, type HttpRequest } from '../http/message.js'
import { parseDictionary } from '../http/structured.js'
import { parseJsonObject } from '../json.js'
import { defaultLimits } from '../limits.js'

/** For which share of callers a report-only route is enforced (the option `enforce`). */
export interface Enforcement {
  /**
   * 0 to 100. A caller that is enforced at one figure is enforced at every higher one. At 100, requests without a key
   * are enforced too.
   */
  readonly percent: number
  /**
   * By the thumbprint of the caller's key, so that an agent gets the same behaviour at every instance and on every
   * route.
   */
  readonly by: 'key'
}

/** The schema of the option, for servers, routers and routes. */
export const enforcementSchema: z.ZodType<Enforcement> = z.strictObject({
  percent: z.number('must be a number from 0 to 100').min(0).max(100),
  by: z.literal('key', "must be 'key'"),
})

/** Whether the route is enforced for this request. */
export function isEnforced(
  { percent }: Enforcement,
  caller: TokenCaller | undefined,
  request: HttpRequest,
): boolean {
  if (percent >= 100) return true
  if (percent <= 0) return false
  const jkt = caller?.jkt ?? claimedKey(request)
  return jkt !== undefined && placeOf(jkt) < percent
}

// A thumbprint is a hash, so its first bytes are evenly distributed.
const places = 2 ** 48

/** Maps a key thumbprint evenly to 0 to 100, 100 excluded; a key is enforced when this is below `percent`. */
function placeOf(jkt: string): number {
  return (Buffer.from(jkt.slice(0, 8), 'base64url').readUIntBE(0, 6) / places) * 100
}

/**
 * The key that a refused request names, so that an agent whose token has expired gets the same behaviour as with a
 * valid one. The key is not verified and need not be: a request that names a wrong key is treated like an unsigned
 * one. Never throws.
 */
function claimedKey({ rawHeaders }: HttpRequest): string | undefined {
  const field = fieldValue(rawHeaders, 'signature-key')
  if (field === undefined || field.length > defaultLimits.signatureKey) return undefined
  try {
    for (const [, parameters] of parseDictionary(field).values()) {
      const jwt = parameters.get('jwt')
      const payload = typeof jwt === 'string' ? jwt.split('.')[1] : undefined
      if (payload === undefined) continue
      const claims = parseJsonObject(Buffer.from(payload, 'base64url').toString(), defaultLimits.tokenMembers)
      const key = importPublicJwk((claims?.['cnf'] as { readonly jwk?: unknown } | undefined)?.jwk)
      if (!(key instanceof KeyFault)) return key.jkt
    }
  } catch {
    // A malformed field counts as none.
  }
  return undefined
}

import type { TokenCaller } from '../caller.js'
import { z } from '../configuration/schema.js'
import { importPublicJwk, KeyFault } from '../crypto/keys.js'
import { fieldValue, type HttpRequest } from '../http/message.js'
import { parseDictionary } from '../http/structured.js'
import { parseJsonObject } from '../json.js'
import { defaultLimits } from '../limits.js'

/** For which share of callers a report-only route is enforced (the option `enforce`). */
export interface Enforcement {
  /** 0 to 100. Whoever is enforced at one figure is enforced at every higher one. At 100 requests without a key are, too. */
  readonly percent: number
  /** By the thumbprint of the caller's key, so that one agent meets one behaviour, at every instance and on every route. */
  readonly by: 'key'
}

/** The schema of the option, and of what routers and routes say. */
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

// A thumbprint is a hash already, so that its first bytes are as good as those of another one.
const places = 2 ** 48

/** Maps a key thumbprint evenly to 0 to 100, 100 excluded; a key is enforced when this is below `percent`. */
function placeOf(jkt: string): number {
  return (Buffer.from(jkt.slice(0, 8), 'base64url').readUIntBE(0, 6) / places) * 100
}

/**
 * The key that a refused request names. Nothing of it has been verified, and nothing has to be: whoever names another key
 * than their own is treated as whoever sends no signature at all. But an agent whose token has expired has to meet what it
 * meets with a good one. Never throws.
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
    // Malformed: as good as none.
  }
  return undefined
}

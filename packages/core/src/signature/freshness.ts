import { constantRefusal, type Refusal } from '../errors.js'

const integer = /^-?[0-9]{1,15}$/

const noCreated = constantRefusal(
  'invalid_signature',
  'The signature has no created parameter of type Integer',
)
const noExpires = constantRefusal('invalid_signature', 'expires is not an Integer')
const tooOld = constantRefusal(
  'invalid_signature',
  'created lies too far behind this server’s clock; sign each request anew, and compare clocks',
)
const tooNew = constantRefusal('clock_skew', 'created lies ahead of this server’s clock')
const expired = constantRefusal(
  'invalid_signature',
  'expires of the signature has passed; sign each request anew',
)

/**
 * Step 3 of 11.3.4: `created` must be an Integer within the window around our clock, and `expires` is respected.
 * Older than the window is `invalid_signature`, further ahead `clock_skew`. The texts are those of the field, because
 * `1.0` is no Integer.
 *
 * @param now seconds
 */
export function checkFreshness(
  parameters: ReadonlyMap<string, string>,
  window: number,
  now: number,
): Refusal | undefined {
  const created = parameters.get('created')
  if (created === undefined || !integer.test(created)) return noCreated
  const expires = parameters.get('expires')
  const isExpiresFit = expires === undefined || integer.test(expires)
  return (
    judgeTimes(
      Number(created),
      isExpiresFit && expires !== undefined ? Number(expires) : undefined,
      window,
      now,
    ) ?? (isExpiresFit ? undefined : noExpires)
  )
}

/** {@link checkFreshness} for times that have been parsed. All in seconds. */
export function judgeTimes(
  created: number,
  expires: number | undefined,
  window: number,
  now: number,
): Refusal | undefined {
  if (now - created > window) return tooOld
  if (created - now > window) return tooNew
  return expires !== undefined && expires <= now ? expired : undefined
}

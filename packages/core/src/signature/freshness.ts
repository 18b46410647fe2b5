import { type Refusal, refuse } from '../errors.js'

const integer = /^-?[0-9]{1,15}$/

/**
 * Step 3 of 11.3.4: `created` is an Integer within the window of our clock, `expires` is honoured. Older than the
 * window is `invalid_signature`, further ahead `clock_skew`. The texts come from the field, since `1.0` is no Integer.
 *
 * @param now seconds
 */
export function checkFreshness(
  parameters: ReadonlyMap<string, string>,
  window: number,
  now: number,
): Refusal | undefined {
  const created = parameters.get('created')
  if (created === undefined || !integer.test(created)) {
    return refuse('invalid_signature', 'The signature has no created parameter of type Integer')
  }
  const expires = parameters.get('expires')
  const isExpiresFit = expires === undefined || integer.test(expires)
  return (
    judgeTimes(
      Number(created),
      isExpiresFit && expires !== undefined ? Number(expires) : undefined,
      window,
      now,
    ) ?? (isExpiresFit ? undefined : refuse('invalid_signature', 'expires is not an Integer'))
  )
}

/** {@link checkFreshness} for times that have been read. All in seconds. */
export function judgeTimes(
  created: number,
  expires: number | undefined,
  window: number,
  now: number,
): Refusal | undefined {
  if (now - created > window)
    return refuse('invalid_signature', 'The signature is too old; sign each request anew')
  if (created - now > window) return refuse('clock_skew', 'created lies ahead of this server’s clock')
  return expires !== undefined && expires <= now
    ? refuse('invalid_signature', 'expires of the signature has passed; sign each request anew')
    : undefined
}

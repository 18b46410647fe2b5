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
  if (now - Number(created) > window) return refuse('invalid_signature', 'The signature is too old')
  if (Number(created) - now > window) return refuse('clock_skew', 'created lies ahead of this server’s clock')
  const expires = parameters.get('expires')
  if (expires === undefined) return undefined
  if (!integer.test(expires)) return refuse('invalid_signature', 'expires is not an Integer')
  return Number(expires) <= now ? refuse('invalid_signature', 'The signature has expired') : undefined
}

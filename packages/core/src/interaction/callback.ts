import { Refusal } from '../errors.js'
import { isEndpointUrl } from '../identifiers.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { PendingRecord } from '../pending/record.js'

const longest = 2048
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether the browser may be sent to this `callback` after the decision (G-38). Allowed are: the `callback_endpoint`
 * of the agent's provider, with any query; loopback, if that provider allows it; and, for a request begun with a
 * person or auth token, any URL of the person server. Anything else would make this server an open redirect. A
 * refusal, `issuer_unavailable`, means that it cannot be decided now.
 */
export async function isCallback(
  url: string,
  { caller }: PendingRecord,
  issuers: IssuerKeys,
): Promise<boolean | Refusal> {
  if (url.length > longest || !/^[\x21-\x7e]+$/.test(url) || /[#\\]/.test(url) || !URL.canParse(url))
    return false
  const target = new URL(url)
  if (target.username !== '' || target.password !== '') return false
  // The browser is sent this very text, so it must be exactly the URL that was checked.
  if (target.href !== url && target.href !== `${url}/`) return false
  // The origin of a `blob:` URL is that of the URL inside it.
  if (target.protocol !== 'https:' && target.protocol !== 'http:') return false
  if (caller.kind !== 'agent') return target.origin === caller.person.ps
  const metadata = await issuers.metadata(caller.provider, 'aauth-agent.json')
  // Unavailable: not known yet. After any other refusal the provider may not be contacted, so nothing is allowed.
  if (metadata instanceof Refusal) return metadata.code === 'issuer_unavailable' ? metadata : false
  if (target.protocol === 'http:') {
    return metadata['localhost_callback_allowed'] === true && loopback.has(target.hostname)
  }
  const endpoint = metadata['callback_endpoint']
  if (!isEndpointUrl(endpoint, caller.provider)) return false
  const allowed = new URL(endpoint)
  return target.origin === allowed.origin && target.pathname === allowed.pathname
}

/** The values of `error` that a callback gets (AAuth 7.3.1). */
export type CallbackError = 'access_denied' | 'user_abandoned' | 'server_error' | 'interaction_expired'

/** The callback URL with `error` added; `undefined` leaves it unchanged. */
export function callbackWith(url: string, error: CallbackError | undefined): string {
  if (error === undefined) return url
  const target = new URL(url)
  target.searchParams.set('error', error)
  return target.href
}

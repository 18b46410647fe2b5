import { Refusal } from '../errors.js'
import { isEndpointUrl } from '../identifiers.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { PendingRecord } from '../pending/record.js'

const longest = 2048
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether the browser may be sent to this URL afterwards (G-38): the `callback_endpoint` of the agent's provider, which
 * may have a query added, or loopback where that provider allows it; the person server's origin for a request begun with
 * one of its tokens. Anything else would make us an open redirect.
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
  // It is sent on as it was written, so it has to be written as it is read.
  if (target.href !== url && target.href !== `${url}/`) return false
  if (caller.kind !== 'agent') return target.origin === caller.person.ps
  const metadata = await issuers.metadata(caller.provider, 'aauth-agent.json')
  // Whether it is one is not known yet; where nobody was asked, it is none.
  if (metadata instanceof Refusal) return metadata.code === 'issuer_unavailable' ? metadata : false
  if (target.protocol === 'http:') {
    return metadata['localhost_callback_allowed'] === true && loopback.has(target.hostname)
  }
  const endpoint = metadata['callback_endpoint']
  if (!isEndpointUrl(endpoint, caller.provider)) return false
  const allowed = new URL(endpoint)
  return target.origin === allowed.origin && target.pathname === allowed.pathname
}

/** Errors a callback may be told (AAuth 7.3.1). */
export type CallbackError = 'access_denied' | 'user_abandoned' | 'server_error' | 'interaction_expired'

/** The callback with its outcome. */
export function callbackWith(url: string, error: CallbackError | undefined): string {
  if (error === undefined) return url
  const target = new URL(url)
  target.searchParams.set('error', error)
  return target.href
}

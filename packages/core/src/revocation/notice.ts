import type { SigningKey } from '../crypto/keys.js'
import type { NoticeOutcome } from '../events.js'
import { contentDigest } from '../http/content-digest.js'
import { abortable, readBytes } from '../issuer/document.js'
import { Fault } from '../issuer/fault.js'
import type { IssuerFetch, IssuerResponse } from '../issuer/options.js'
import { parseJsonObject } from '../json.js'
import { baseComponents } from '../signature/required.js'
import { signRequest } from '../signature/sign.js'
import type { RevokedToken } from './revocation-request.js'

/** The result of a notice. */
export interface Notice {
  readonly outcome: NoticeOutcome
  /** Why the token was not recorded as revoked; for the operator. */
  readonly reason?: string
}

/** The dependencies of {@link sendNotice}. */
export interface NoticeSender {
  readonly resource: string
  readonly key: SigningKey
  readonly fetch: IssuerFetch
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

const timeoutMilliseconds = 5000
const maxBytes = 16_384

/**
 * Tells a server that a token of ours is revoked (AAuth 11.12.1), with a `POST` signed with our own key that covers
 * its content. Never rejects.
 */
export async function sendNotice(
  endpoint: string,
  token: RevokedToken,
  sender: NoticeSender,
): Promise<Notice> {
  const signal = AbortSignal.timeout(timeoutMilliseconds)
  try {
    const { headers, body } = await compose(new URL(endpoint), token, sender)
    const response = await abortable(
      sender.fetch(endpoint, { method: 'POST', headers, body, redirect: 'manual', signal }),
      signal,
    )
    return await readNotice(response, signal)
  } catch (error) {
    return { outcome: 'unavailable', reason: error instanceof Error ? error.message : 'the fetch failed' }
  }
}

async function compose(
  url: URL,
  { jti, exp }: RevokedToken,
  { resource, key, clock }: NoticeSender,
): Promise<{ readonly headers: Record<string, string>; readonly body: string }> {
  const body = JSON.stringify({ jti, exp })
  const content = { 'Content-Type': 'application/json', 'Content-Digest': contentDigest(Buffer.from(body)) }
  const fields = await signRequest(
    {
      method: 'POST',
      authority: url.host,
      scheme: 'https',
      target: url.pathname,
      rawHeaders: Object.entries(content).flat(),
    },
    {
      key,
      signatureKey: { scheme: 'jwks_uri', id: resource, dwk: 'aauth-resource.json', kid: key.kid },
      created: Math.floor(clock() / 1000),
      components: [...baseComponents, 'content-type', 'content-digest'],
    },
  )
  return { headers: { ...content, ...fields }, body }
}

/** AAuth 11.12.3: an absent body is success; a present one must be a JSON object. */
async function readNotice(response: IssuerResponse, signal: AbortSignal): Promise<Notice> {
  const { status } = response
  const content = await readBytes(response, maxBytes, signal)
  if (content instanceof Fault) return { outcome: 'unavailable', reason: content.reason }
  const text = content.toString('utf8')
  const document = text === '' ? {} : parseJsonObject(text)
  if (status === 202) return { outcome: 'pending' }
  if (document?.['error'] === 'unsupported_iss') return { outcome: 'unsupported', reason: 'unsupported_iss' }
  if (status !== 200) return { outcome: 'unavailable', reason: `status ${status}` }
  return document === undefined
    ? { outcome: 'unavailable', reason: 'the content is no JSON object' }
    : { outcome: 'recorded' }
}

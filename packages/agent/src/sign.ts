import { baseComponents, contentDigest, type SigningKey, signRequest } from '@countersign/core/signature'

/** A request before it is signed. */
export interface Draft {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly content: Uint8Array | undefined
}

/** How to sign a request. */
export interface Signing {
  readonly key: Pick<SigningKey, 'sign'>
  /** The token that is presented in `Signature-Key`. */
  readonly token: string
  /** Seconds. */
  readonly created: number
  /** Components to cover beside those that every request covers. */
  readonly additional: readonly string[]
}

/** Fields that only the agent may set. */
const own = ['signature', 'signature-input', 'signature-key', 'content-digest', 'content-length', 'host']

/**
 * The fields of a signed request (RFC 9421). With content, `content-type` and `content-digest` are always covered;
 * with a session, `authorization`.
 */
export async function signedHeaders(draft: Draft, signing: Signing): Promise<Headers> {
  const { method, url, content } = draft
  const headers = new Headers(draft.headers)
  for (const name of own) headers.delete(name)
  if (content !== undefined) {
    headers.set('content-digest', contentDigest(content))
    // The type of content without a `Content-Type` (RFC 9110, 8.3), stated so that it can be covered.
    if (!headers.has('content-type')) headers.set('content-type', 'application/octet-stream')
  }
  const fields = await signRequest(
    {
      method,
      authority: url.host,
      scheme: 'https',
      target: url.pathname + url.search,
      rawHeaders: [...headers].flat(),
    },
    {
      key: signing.key,
      signatureKey: { scheme: 'jwt', jwt: signing.token },
      created: signing.created,
      components: components(headers, content !== undefined, signing.additional),
    },
  )
  for (const [name, value] of Object.entries(fields)) headers.set(name, value)
  return headers
}

function components(headers: Headers, hasContent: boolean, additional: readonly string[]): string[] {
  const content = hasContent ? ['content-type', 'content-digest'] : []
  const session = /^aauth /i.test(headers.get('authorization') ?? '') ? ['authorization'] : []
  // A server that requires a field which this request does not have cannot mean this request.
  const asked = additional.filter((name) => name.startsWith('@') || name.startsWith('"') || headers.has(name))
  return [...new Set([...baseComponents, ...content, ...session, ...asked])]
}

import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { fieldLines, type HttpRequest } from '../http/message.js'

/** Recognises a browser by a cookie of ours: only the browser that came with the interaction code may continue (G-37). */
export interface Browser {
  /** The value of our cookie; `undefined` when there is none. */
  secretOf(request: HttpRequest): string | undefined
  /** The `Set-Cookie` value that gives a browser its secret. */
  cookie(secret: string): string
}

/**
 * Creates it.
 *
 * @param insecure whether the cookie works without TLS, for development
 */
export function createBrowser(insecure: boolean): Browser {
  const name = insecure ? 'aauth-interaction' : '__Host-aauth-interaction'
  // One pass over the line, however many other cookies it holds.
  const own = new RegExp(`(?:^|;)[ \\t]*${name}=([A-Za-z0-9_-]{43})[ \\t]*(?:;|$)`)
  // `Lax`: the person follows links from other sites to us, and returns from a login that may be on another site.
  const attributes = `Path=/; HttpOnly; SameSite=Lax${insecure ? '' : '; Secure'}`
  return {
    secretOf(request) {
      for (const line of fieldLines(request.rawHeaders, 'cookie')) {
        const secret = own.exec(line)?.[1]
        if (secret !== undefined) return secret
      }
      return undefined
    },
    cookie: (secret) => `${name}=${secret}; ${attributes}`,
  }
}

/** A new secret for a browser that has none. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A hash that names a browser in the store and does not reveal its secret. */
export function browserName(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

/** The token of the form: valid only in this browser, for this user and this interaction. */
export function formToken(secret: string, interaction: string, user: string): string {
  return createHmac('sha256', secret).update(`${interaction}\n${user}`).digest('base64url')
}

/** Whether two tokens are the same, compared in constant time. */
export function sameToken(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)]
  return first.length === second.length && timingSafeEqual(first, second)
}

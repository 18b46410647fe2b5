import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { fieldLines, type HttpRequest } from '../http/message.js'

/** One browser, known by a cookie of ours: who arrived with a code may go on, nobody else (G-37). */
export interface Browser {
  /** The cookie's value, when there is one that can be ours. */
  secretOf(request: HttpRequest): string | undefined
  /** The field that gives a browser its secret. */
  cookie(secret: string): string
}

/** @param insecure without TLS, for development */
export function createBrowser(insecure: boolean): Browser {
  const name = insecure ? 'aauth-interaction' : '__Host-aauth-interaction'
  // One look along the line: thousands of cookies that are not ours cost no more than their text.
  const own = new RegExp(`(?:^|;)[ \\t]*${name}=([A-Za-z0-9_-]{43})[ \\t]*(?:;|$)`)
  // `Lax`: the person comes from elsewhere, and comes back from a login that may be elsewhere, by links.
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

/** A secret for a browser that has none. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is kept of a browser. */
export function browserName(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

/** Goes with the form: only a page shown to this browser and this person, for this interaction, can decide. */
export function formToken(secret: string, interaction: string, user: string): string {
  return createHmac('sha256', secret).update(`${interaction}\n${user}`).digest('base64url')
}

/** Whether two tokens are the same, without telling how far. */
export function sameToken(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)]
  return first.length === second.length && timingSafeEqual(first, second)
}

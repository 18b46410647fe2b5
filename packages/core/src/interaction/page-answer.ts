import { randomBytes } from 'node:crypto'
import { refusalAnswer } from '../answer/challenge.js'
import { type ErrorCode, errorEntry, refuse } from '../errors.js'
import { type Answer, fieldValue, type HttpRequest } from '../http/message.js'
import { renderPage } from './page.js'
import type { PageView } from './view.js'

/** What all pages of one server have in common. */
export interface Pages {
  readonly site: PageView['site']
  /** The application's own page; `undefined`: the built-in one. */
  readonly page: ((view: PageView) => string) | undefined
}

/**
 * A page as an answer.
 *
 * @param formTarget another origin to which the answer to the page's form may redirect
 */
export function pageAnswer(
  pages: Pages,
  status: number,
  view: Omit<PageView, 'site' | 'nonce'>,
  formTarget?: string,
): Answer {
  const nonce = randomBytes(16).toString('base64')
  const whole: PageView = { ...view, site: pages.site, nonce }
  const image = pages.site.logo === undefined ? "'none'" : new URL(pages.site.logo).origin
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      // Browsers apply `form-action` to the redirects after a form as well.
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; img-src ${image}; form-action 'self'${formTarget === undefined ? '' : ` ${formTarget}`}; frame-ancestors 'none'; base-uri 'none'`,
      ...safeHeaders,
    },
    body: (pages.page ?? renderPage)(whole),
  }
}

/** A `303`: the browser goes on with `GET`. */
export function redirectAnswer(location: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 303, headers: { Location: location, ...safeHeaders, ...headers }, body: '' }
}

/** An error: a page for browsers, a problem body (RFC 9457) for programs. */
export function problemPage(
  pages: Pages,
  request: HttpRequest,
  code: ErrorCode,
  message: string,
  who: Pick<PageView, 'user' | 'signOut'> = {},
): Answer {
  const { status } = errorEntry(code)
  const later = status === 503 ? { 'Retry-After': retryAfter } : {}
  if (!/\btext\/html\b/i.test(fieldValue(request.rawHeaders, 'accept') ?? '')) {
    const { headers, body } = refusalAnswer(refuse(code, message))
    return { status, headers: { ...safeHeaders, ...later, ...headers }, body }
  }
  const page = pageAnswer(pages, status, { page: 'problem', problem: { code, message }, ...who })
  return { ...page, headers: { ...page.headers, ...later } }
}

/** Seconds: the `Retry-After` of every `503`. */
export const retryAfter = '5'

/** No cache, no frame, no guessed content type, no referrer. */
const safeHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

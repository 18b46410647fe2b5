import { randomBytes } from 'node:crypto'
import { refusalAnswer } from '../answer/challenge.js'
import { isPromiseLike } from '../awaitable.js'
import { type ErrorCode, errorEntry, refuse } from '../errors.js'
import { type Answer, fieldValue, type HttpRequest } from '../http/message.js'
import { dropped } from '../time/deadline.js'
import type { Language, Languages } from './languages.js'
import { englishMessages, type MessageKey } from './messages.js'
import { renderPage } from './page.js'
import type { PageView } from './view.js'

/** What all pages of a server share. */
export interface Pages {
  readonly site: PageView['site']
  /** The application's own page; `undefined` for the built-in one. */
  readonly page: ((view: PageView) => string) | undefined
  readonly languages: Languages
}

/** The content of a page, beside what all pages share. */
type Shown = Omit<PageView, 'site' | 'nonce' | 'language' | 'direction' | 'messages' | 'wants'> & {
  readonly wants?: Omit<NonNullable<PageView['wants']>, 'scopes'> & { readonly scopes: readonly string[] }
}

/**
 * A page as an answer, in the language that the request prefers.
 *
 * @param formTarget another origin to which the answer to the page's form may redirect
 */
export function pageAnswer(
  pages: Pages,
  request: HttpRequest,
  status: number,
  shown: Shown,
  formTarget?: string,
): Answer {
  const nonce = randomBytes(16).toString('base64')
  const language = pages.languages.of(request)
  const view = viewIn(language, shown, pages, nonce)
  const image = pages.site.logo === undefined ? "'none'" : new URL(pages.site.logo).origin
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Language': language.tag,
      ...(pages.languages.vary ? { Vary: 'Accept-Language' } : {}),
      // Browsers apply `form-action` also to redirects after a form.
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; img-src ${image}; form-action 'self'${formTarget === undefined ? '' : ` ${formTarget}`}; frame-ancestors 'none'; base-uri 'none'`,
      ...safeHeaders,
    },
    body: pages.page === undefined ? renderPage(view, language.untranslated) : ownPage(pages.page, view),
  }
}

/** Renders the application's own page. @throws TypeError when the result is no text */
function ownPage(page: NonNullable<Pages['page']>, view: PageView): string {
  const html: unknown = page(view)
  if (typeof html === 'string') return html
  // It may be an async function, and an unhandled rejection would end the process.
  if (isPromiseLike(html)) dropped(html)
  throw new TypeError('option interaction.page: must answer the page as text, at once')
}

function viewIn(language: Language, { wants, ...shown }: Shown, { site }: Pages, nonce: string): PageView {
  const { tag, direction, messages, scopes, siteName = site.name } = language
  const described = (name: string) => ({ name, description: scopes.get(name) ?? name })
  return {
    ...shown,
    ...(wants === undefined ? {} : { wants: { ...wants, scopes: wants.scopes.map(described) } }),
    site: { ...site, name: siteName },
    language: tag,
    direction,
    messages,
    nonce,
  }
}

/** A `303`: the browser continues with `GET`. */
export function redirectAnswer(location: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 303, headers: { Location: location, ...safeHeaders, ...headers }, body: '' }
}

/** An error: a page for browsers, a problem body (RFC 9457) in English for programs. */
export function problemPage(
  pages: Pages,
  request: HttpRequest,
  code: ErrorCode,
  key: MessageKey,
  who: Pick<PageView, 'user' | 'signOut' | 'refused' | 'next'> = {},
): Answer {
  const { status } = errorEntry(code)
  const later = status === 503 ? { 'Retry-After': retryAfter } : {}
  if (!/\btext\/html\b/i.test(fieldValue(request.rawHeaders, 'accept') ?? '')) {
    const { headers, body } = refusalAnswer(refuse(code, englishMessages[key]))
    return { status, headers: { ...safeHeaders, ...later, ...headers, Vary: 'Accept' }, body }
  }
  const { messages } = pages.languages.of(request)
  const problem = { code, key, message: messages[key] }
  const page = pageAnswer(pages, request, status, { page: 'problem', problem, ...who })
  const vary = pages.languages.vary ? 'Accept, Accept-Language' : 'Accept'
  return { ...page, headers: { ...page.headers, ...later, Vary: vary } }
}

/** The `Retry-After` of every `503`, in seconds. */
export const retryAfter = '5'

/** No caching, framing, content sniffing or referrer. */
const safeHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

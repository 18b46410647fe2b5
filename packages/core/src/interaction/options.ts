import type { Awaitable } from '../awaitable.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import type { Deadline } from '../time/deadline.js'
import { isOneOf, languageSchema, messagesSchema, type PageTranslation } from './languages.js'
import type { PageView } from './view.js'

/** A request for the interaction page, for the application's login. */
export interface Visit<Raw = unknown> extends Deadline {
  /**
   * `raw` is the framework's request, with what the application's session middleware has added to it. There are no
   * `params`.
   */
  readonly request: RequestView<Raw>
  /** The path to return to after signing in. Pass it to the application's login page. */
  readonly returnTo: string
}

/** A user who is signed in to the application. */
export interface SignedIn {
  /** The application's name of the user, unique and stable: handlers see it as `aauth.user`. */
  readonly user: string
  /** The name that the page shows. Default `user`. */
  readonly name?: string
  /** JSON for the session, for example an access token of your own authorization server. Handlers see it. */
  readonly data?: unknown
}

/**
 * What the application's login returns: the user's name, or an object with more about the user; `redirect`, where to
 * sign in (a path or an `http(s)` URL); or that the person has given up, and the agent is told `abandoned`. Unknown
 * members are ignored. A text that begins with `/` is rejected, because a redirect was probably meant; return such a
 * user as `{ user }`.
 */
export type LoginResult = string | SignedIn | { readonly redirect: string } | { readonly abandoned: true }

/** The interaction page of resource-managed access (AAuth 6.2), where people connect agents and approve calls. */
export interface InteractionOptions<Raw = unknown> {
  /**
   * The application's own login; this library stores no passwords. Called on every visit, before anything is shown
   * and again before anything is decided. If it returns anything but a {@link LoginResult}, the page answers `500`.
   */
  login(visit: Visit<Raw>): Awaitable<LoginResult>
  /**
   * Where a person signs out whom the page takes for somebody else: a path that begins with one `/`, or an `https`
   * URL. The page then links to it. If it returns anything else, the page answers `500`. Default: no link.
   */
  signOut?(visit: Visit<Raw>): Awaitable<string>
  /**
   * Renders the page as HTML, instead of the built-in one. Everything in the view is plain text: pass it through
   * `escapeHtml`. Forms must send what the built-in ones send. Styles need `view.nonce`; scripts do not run. If it
   * throws or returns no text, the built-in page answers `500`.
   */
  page?(view: PageView): string
  /**
   * The page in other languages, by language tag: sentences by name, descriptions of scopes, the name of the site.
   * The browser's `Accept-Language` selects one; if it names none of them, the page is in English, which is built in
   * and can be changed under `en`. A sentence must have the placeholders of the English one; a missing sentence is in
   * English.
   */
  readonly messages?: Readonly<Record<string, PageTranslation>>
  /**
   * The only language of the page, `en` or one of `messages`, whatever browsers prefer. Default: the browser's
   * preference.
   */
  readonly language?: string
  /**
   * Whether agents must declare `interaction` in `AAuth-Capabilities`; otherwise they get `403`. Default `false`: an
   * agent that declares nothing gets the `202` too, because it may still support it (G-35). An agent that declares
   * only other capabilities is always refused.
   */
  readonly requireDeclaredCapability?: boolean
  /**
   * For development without TLS: a browser cookie without `Secure` and `__Host-`. Default `false`; never use it in
   * production.
   */
  readonly insecureCookie?: boolean
}

const fn = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
)

/** Whether the page may link to a value: a path of ours, or an `https` URL. */
export function isLink(value: unknown): value is string {
  if (typeof value !== 'string' || /[\p{Cc}\s\\]/u.test(value)) return false
  return /^\/(?!\/)/.test(value) || (/^https:\/\//.test(value) && URL.canParse(value))
}

/** The schema of {@link InteractionOptions}. */
export const interactionOptionsSchema: z.ZodType<object> = z
  .strictObject({
    login: fn,
    signOut: fn.optional(),
    page: fn.optional(),
    messages: messagesSchema.optional(),
    language: languageSchema.optional(),
    requireDeclaredCapability: z.boolean().optional(),
    insecureCookie: z.boolean().optional(),
  })
  .refine(({ language, messages }) => language === undefined || isOneOf(language, messages), {
    path: ['language'],
    message: 'must be en, or a language of interaction.messages',
  })

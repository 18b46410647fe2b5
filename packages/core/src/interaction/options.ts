import type { Awaitable } from '../awaitable.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import type { Deadline } from '../time/deadline.js'
import { isOneOf, languageSchema, messagesSchema, type PageTranslation } from './languages.js'
import type { PageView } from './view.js'

/** A request for the interaction page, for the application's login. */
export interface Visit<Raw = unknown> extends Deadline {
  /** `raw` is the framework's own, with what the application's session middleware has added to it; there are no `params`. */
  readonly request: RequestView<Raw>
  /** The path to return to after signing in: hand it to the application's login page. */
  readonly returnTo: string
}

/** A person who is signed in to the application. */
export interface SignedIn {
  /** The application's own name of the person, unique and stable: what handlers see as `aauth.user`. */
  readonly user: string
  /** The name that the page shows. Default `user`. */
  readonly name?: string
  /** JSON for the session, for example an access token of an authorization server of your own. Handlers see it. */
  readonly data?: unknown
}

/**
 * What the application's login answers: the user, or more about them; where to sign in, a path or an `http(s)` URL; or that
 * the person has given up, and the agent is told `abandoned`. Members that are none of these are left alone. A path given as
 * a text is taken for a redirect that was meant, and is a fault: a user whose name begins with `/` is answered as `{ user }`.
 */
export type LoginResult = string | SignedIn | { readonly redirect: string } | { readonly abandoned: true }

/** The interaction page of resource-managed access (AAuth 6.2), where people connect agents and approve calls. */
export interface InteractionOptions<Raw = unknown> {
  /**
   * The application's own login; this library has no passwords. Called on every visit, before anything is shown and again
   * before anything is decided. Anything but a {@link LoginResult} makes the page answer `500`.
   */
  login(visit: Visit<Raw>): Awaitable<LoginResult>
  /**
   * Where somebody signs out who is not the person the page takes them for: a path that begins with one `/`, or an `https`
   * URL. The page then has a link to it; anything else makes the page answer `500`. Default: no such link.
   */
  signOut?(visit: Visit<Raw>): Awaitable<string>
  /**
   * The page as HTML, instead of the built-in one. Everything in the view comes as plain text: put it through
   * `escapeHtml`. Forms have to be sent back as the built-in ones do; styles need `view.nonce`, scripts do not run. One
   * that throws, or answers no text, is a `500` on the built-in page.
   */
  page?(view: PageView): string
  /**
   * The page in other languages, by language tag: its sentences by name, what scopes mean, the name of the site. Which of them
   * a page is in says the browser's `Accept-Language`; where it names none of them, English, which is built in and can be
   * reworded under `en`. A sentence has to have the placeholders of the English one; one that is left out is English.
   */
  readonly messages?: Readonly<Record<string, PageTranslation>>
  /** The one language of the page, `en` or one of `messages`, whatever browsers ask for. Default: as they ask. */
  readonly language?: string
  /**
   * Whether an agent has to declare `interaction` in `AAuth-Capabilities`; without it the answer is `403`. Default `false`:
   * an agent that declares nothing gets the `202` as well, since it may be able all the same (G-35). One that declares
   * other capabilities only is always refused.
   */
  readonly requireDeclaredCapability?: boolean
  /**
   * For development without TLS: a browser cookie without `Secure` and `__Host-`. Default `false`; never in production.
   */
  readonly insecureCookie?: boolean
}

const fn = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
)

/** Whether a value is where a link of the page may lead: a path of ours, or `https`. */
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

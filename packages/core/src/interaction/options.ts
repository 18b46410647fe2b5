import { z } from 'zod'
import type { Awaitable } from '../awaitable.js'
import type { PageView } from './view.js'

/** Somebody at the interaction page. */
export interface Visit<Native = unknown> {
  /** The framework's own request, with whatever the application's session middleware has put on it. */
  readonly request: Native
  /** The path to come back to after signing in: give it to the application's login page. */
  readonly returnTo: string
}

/** Somebody who is signed in to the application. */
export interface SignedIn {
  /** The application's own name of the person, unique and stable: what handlers see as `aauth.user`. */
  readonly user: string
  /** For the page only. Default `user`. */
  readonly name?: string
  /** JSON for the session, for example an access token of an authorization server of your own. Handlers see it. */
  readonly data?: unknown
}

/**
 * What the application's login says of a visit: who it is, where to sign in, or that the person has given up
 * (the agent is told `abandoned`).
 */
export type LoginResult = string | SignedIn | { readonly redirect: string } | { readonly abandoned: true }

/** How people reach us: the interaction page of resource-managed access (AAuth 6.2). */
export interface InteractionOptions<Native = unknown> {
  /**
   * The application's own login; this library has no passwords. Asked on every visit, before anything is shown and again
   * before anything is decided. An empty name, or anything else, is nobody: the page answers `500`.
   */
  login(visit: Visit<Native>): Awaitable<LoginResult>
  /**
   * The page as HTML, instead of the built-in one. Everything in the view comes as plain text: put it through
   * `escapeHtml`. Forms have to be sent back as the built-in ones do; styles need `view.nonce`, scripts do not run.
   */
  page?(view: PageView): string
  /**
   * Only ask agents that declare `interaction` in `AAuth-Capabilities`; others are refused with `403`. Default `false`:
   * an agent that declares nothing is asked as well, since it may be able all the same (G-35). One that declares
   * something else is never asked.
   */
  readonly requireDeclaredCapability?: boolean
  /**
   * For development without TLS: a browser cookie without `Secure` and `__Host-`. Default `false`; never in production.
   */
  readonly insecureCookie?: boolean
}

/** The options, checked. */
export type InteractionSettings = InteractionOptions

const fn = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
)

/** The schema of {@link InteractionOptions}. */
export const interactionOptionsSchema: z.ZodType<object> = z.strictObject({
  login: fn,
  page: fn.optional(),
  requireDeclaredCapability: z.boolean().optional(),
  insecureCookie: z.boolean().optional(),
})

import type { TokenCaller } from '../caller.js'
import { parseAgentIdentifier } from '../identifiers.js'
import type { ContentView } from '../pending/content-view.js'
import type { PageMessages } from './messages.js'

/**
 * The content of a page. All of it is plain text, and much of it untrusted: pass it through {@link escapeHtml}.
 * Descriptions of scopes, the site's name and the sentences are in the page's language.
 */
export interface PageView {
  /**
   * Which page it is. `consent` asks for the decision. `linked` says that the person is linked to a user already, and
   * asks whether to continue. `code` asks for the interaction code. `returned` is for people who have decided
   * elsewhere and returned.
   */
  readonly page: 'consent' | 'linked' | 'code' | 'approved' | 'declined' | 'returned' | 'problem'
  /**
   * What the decision is about: `session` connects an agent, `approval` lets one call through once, `link` links a
   * person of a person server to the signed-in user. With `consent`, `linked`, `approved` and `declined`.
   */
  readonly use?: 'session' | 'approval' | 'link'
  /** The language tag of the page, for `lang`: `en`, `de-AT`. */
  readonly language: string
  /** The direction of that language, for `dir`. */
  readonly direction: 'ltr' | 'rtl'
  /** The sentences of the built-in page in this language, by name; `{words}` in braces are placeholders for values. */
  readonly messages: PageMessages
  /** The resource itself. */
  readonly site: {
    /** The option `display.name`, or the host of `resource`. */
    readonly name: string
    /** The option `display.logoUri`; `https`. */
    readonly logo?: string
  }
  /** The caller that asks. Only with `consent`. */
  readonly asks?: {
    /** `aauth:local@domain`; absent if the request came with a person or auth token, which names no agent. */
    readonly agent?: string
    /** The part of `agent` before the domain, which is easier to read. The provider chose it, so show both. */
    readonly name?: string
    /** The agent that it helps, if it is a sub-agent (AAuth 10.2). */
    readonly parentAgent?: string
    /** The issuer of the token: the agent provider, or the person server. */
    readonly party: string
  }
  /** What the caller asks for. Only with `consent`. */
  readonly wants?: {
    /** The policy's description of it. */
    readonly description?: string
    readonly scopes: readonly { readonly name: string; readonly description: string }[]
    /** The held call, if there is one. */
    readonly call?: {
      readonly method: string
      readonly path: string
      /** The content that the handler will get; absent if there is none. */
      readonly content?: ContentView
    }
    /** How long the session lasts; absent if an approval lets one call through, once. */
    readonly session?: {
      /** Seconds without use after which the session ends. */
      readonly unused: number
      /** Seconds after which the session ends in any case. */
      readonly atMost: number
    }
    /** Present if the application remembers the approval and does not ask this agent again. */
    readonly lasting?: true
    /** The person to be linked to the user. Only if `use` is `link`. */
    readonly link?: {
      /** The person server that speaks for the person. */
      readonly personServer: string
      /** The person's identifier, as that server gives it to us. */
      readonly person: string
      /** The organisation that the person acts within, if the token names one. */
      readonly tenant?: string
    }
  }
  /** The name of the signed-in user. With `consent`, and with the `problem` that this user may not decide. */
  readonly user?: string
  /** Where that user signs out to return as another: the option `interaction.signOut`. */
  readonly signOut?: string
  /**
   * The form that the page needs. With `consent`: a `POST` form to `action` with `token` and `decision`, which is
   * `approve` or `decline`. With `linked`: the same, with `continue` or `decline`. With `code`: a `GET` form to
   * `action` with `code`.
   */
  readonly form?: { readonly action: string; readonly token?: string }
  /** The error, and the name of its sentence in `messages`. Only with `problem`. */
  readonly problem?: { readonly code: string; readonly key: keyof PageMessages; readonly message: string }
  /** The application's reason for not linking the person. Only with `problem`. */
  readonly refused?: string
  /** Where the person continues by a link. With `problem`: to their server, which waits for them. */
  readonly next?: string
  /** For `<style nonce>`; the page's policy allows no scripts. */
  readonly nonce: string
}

/** A caller as the page names it: only what was verified, nothing that the agent says about itself. */
export function callerOnPage(caller: TokenCaller): NonNullable<PageView['asks']> {
  if (caller.kind !== 'agent') return { party: caller.person.ps }
  const { agent, parentAgent, provider } = caller
  const name = parseAgentIdentifier(agent)?.local
  return {
    agent,
    ...(name === undefined ? {} : { name }),
    ...(parentAgent === undefined ? {} : { parentAgent }),
    party: provider,
  }
}

const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
])

/** Text of several lines as HTML, for `<pre>`; see {@link escapeHtml}. */
export function escapeLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(escapeHtml).join('  '))
    .join('\n')
}

/**
 * Escapes text for HTML content or attribute values. Invisible characters are replaced by a visible one: control
 * characters, those that reorder text or break lines, and those without width, which can make two names look alike.
 *
 * @example
 * ```ts
 * import { createResourceServer, escapeHtml } from '@countersign/core'
 *
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   interaction: {
 *     login: () => 'mom', // your login
 *     page: ({ asks, site }) => `<h1>${escapeHtml(site.name)}</h1><p>${escapeHtml(asks?.agent ?? '')} asks</p>`,
 *   },
 * })
 * ```
 */
export function escapeHtml(text: string): string {
  return escapeMarkup(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '\ufffd')
}

/** Escapes the application's own text. It keeps the invisible characters that Persian, Hindi or emoji need. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities.get(char) as string)
}

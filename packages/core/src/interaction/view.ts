import type { TokenCaller } from '../caller.js'
import { parseAgentIdentifier } from '../identifiers.js'
import type { ContentView } from '../pending/content-view.js'
import type { PageMessages } from './messages.js'

/**
 * What a page shows. All of it is plain text, and much of it untrusted: put it through {@link escapeHtml}. Descriptions of
 * scopes, the site's name and the sentences are in the page's language.
 */
export interface PageView {
  /**
   * Which page it is. `consent` asks for the decision; `linked` says that the person is linked to a user already, and asks
   * whether to go on with that; `code` asks for the interaction code; `returned` is for who has
   * decided elsewhere and come back.
   */
  readonly page: 'consent' | 'linked' | 'code' | 'approved' | 'declined' | 'returned' | 'problem'
  /**
   * What the decision is about: `session` connects an agent, `approval` lets one call through, once, `link` joins a person
   * of a person server to the user who is signed in. With `consent`, `linked`, `approved` and `declined`.
   */
  readonly use?: 'session' | 'approval' | 'link'
  /** The language tag of the page, for `lang`: `en`, `de-AT`. */
  readonly language: string
  /** Which way that is written, for `dir`. */
  readonly direction: 'ltr' | 'rtl'
  /** The sentences of the built-in page in this language, by name; `{words}` in braces stand for values. */
  readonly messages: PageMessages
  /** The resource itself. */
  readonly site: {
    /** The option `display.name`, or the host of `resource`. */
    readonly name: string
    /** The option `display.logoUri`; `https`. */
    readonly logo?: string
  }
  /** Who asks. Only with `consent`. */
  readonly asks?: {
    /** `aauth:local@domain`; absent where the request came with a person or auth token, which names no agent. */
    readonly agent?: string
    /** The part of `agent` before the domain, which is easier to read. Its provider chose it: show both. */
    readonly name?: string
    /** The agent it helps, where it is a sub-agent (AAuth 10.2). */
    readonly parentAgent?: string
    /** The issuer of the token: the agent provider, or the person server. */
    readonly party: string
  }
  /** What is asked for. Only with `consent`. */
  readonly wants?: {
    /** What the policy says it is for. */
    readonly description?: string
    readonly scopes: readonly { readonly name: string; readonly description: string }[]
    /** The held call, where there is one. */
    readonly call?: {
      readonly method: string
      readonly path: string
      /** The content that the handler will be given; absent when there is none. */
      readonly content?: ContentView
    }
    /** How long it lasts, where an approval connects the agent; absent where it lets one call through, once. */
    readonly session?: {
      /** Seconds without use after which it ends. */
      readonly unused: number
      /** Seconds after which it ends in any case. */
      readonly atMost: number
    }
    /** Present where the application remembers the approval of the call, and does not ask this agent again. */
    readonly lasting?: true
    /** Who is joined to the user. Only where `use` is `link`. */
    readonly link?: {
      /** The person server that speaks for the person. */
      readonly personServer: string
      /** The person, as that server names them to us. */
      readonly person: string
      /** The organisation in whose name the person acts, where the token names one. */
      readonly tenant?: string
    }
  }
  /** The name of the person who is signed in. With `consent`, and with the `problem` that this person may not decide. */
  readonly user?: string
  /** Where that person signs out, to come back as somebody else: the option `interaction.signOut`. */
  readonly signOut?: string
  /**
   * With `consent`: the page needs a `POST` form to `action` with `token` and `decision`, which is `approve` or `decline`.
   * With `linked` the same, where `decision` is `continue` or `decline`.
   * With `code`: a `GET` form to `action` with `code`.
   */
  readonly form?: { readonly action: string; readonly token?: string }
  /** The error, and the name of its sentence in `messages`. Only with `problem`. */
  readonly problem?: { readonly code: string; readonly key: keyof PageMessages; readonly message: string }
  /** Why the application does not link the person, in its own words. Only with `problem`. */
  readonly refused?: string
  /** Where the person goes on to from here, by a link: with `problem`, where their server waits for them. */
  readonly next?: string
  /** For `<style nonce>`; the page's policy allows no scripts. */
  readonly nonce: string
}

/** A caller as the page names it: only what was verified, never what the agent calls itself. */
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
 * Text as HTML text or attribute value. Invisible characters are replaced by a visible one: control characters, those
 * that reorder text or break lines, and those of no width, by which one name can look like another.
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

/** Text of the application itself as HTML: with the invisible characters that Persian, Hindi or emoji are written with. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities.get(char) as string)
}

import type { ContentView } from '../pending/content-view.js'

/** What a page shows. All of it is plain text, much of it a stranger's: put it through {@link escapeHtml}. */
export interface PageView {
  readonly page: 'consent' | 'code' | 'approved' | 'declined' | 'problem'
  readonly site: {
    /** The display name of the options, or our host. */
    readonly name: string
    /** `https`. */
    readonly logo?: string
  }
  /** Who asks. Absent where nothing may be told yet. */
  readonly asks?: {
    /** `aauth:local@domain`, or absent where only a person server speaks for the caller. */
    readonly agent?: string
    /** The agent provider, or the person server. */
    readonly party: string
  }
  /** What is asked for. */
  readonly wants?: {
    readonly description?: string
    readonly scopes: readonly { readonly name: string; readonly description: string }[]
    /** The call that waits, where it is one. */
    readonly call?: {
      readonly method: string
      readonly path: string
      /** What the handler will be given, or its beginning; absent when there is none. */
      readonly content?: ContentView
    }
  }
  /** Who is signed in. */
  readonly user?: string
  /**
   * With `consent`: a `POST` form to `action` with `token` and `decision` = `approve` or `decline`. With `code`: a `GET`
   * form to `action` with `code`.
   */
  readonly form?: { readonly action: string; readonly token?: string }
  /** With `problem`. */
  readonly problem?: { readonly code: string; readonly message: string }
  /** For `<style nonce>`; scripts are not allowed. */
  readonly nonce: string
}

const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
])

/** Text of several lines, for `<pre>`. */
export function escapeLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(escapeHtml).join('  '))
    .join('\n')
}

/**
 * Text as HTML text or attribute value. Characters that cannot be seen become visible: control characters, those that
 * reorder text or break lines, and those of no width, by which one name can look like another.
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
  return text
    .replace(/[&<>"']/g, (char) => entities.get(char) as string)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '\ufffd')
}

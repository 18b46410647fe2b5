/** A call that waits, as a page shows it. */
export interface CallOnPage {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** What is sent, where the route says `content: true`: all that will run, never a part of it. */
  readonly content?: {
    /** The media type; empty where the request names none. */
    readonly type: string
    /** Bytes. */
    readonly size: number
    /** Absent where it is no text. JSON is indented. Lines are separated by `\n`. */
    readonly text?: string
  }
}

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
    readonly call?: CallOnPage
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

/**
 * Text as HTML text or attribute value. Characters that cannot be seen become visible: control characters, those that
 * reorder text or break lines, and those of no width, by which one name can look like another.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (char) => entities.get(char) as string)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '\ufffd')
}

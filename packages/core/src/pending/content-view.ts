import type { HeldCall } from '../http/endpoint.js'
import { fieldValue } from '../http/message.js'

/** The content of a held call as the interaction page shows it. */
export interface ContentView {
  /** `Content-Type` as the caller sent it; empty when there was none. */
  readonly type: string
  /** Bytes of the whole content. */
  readonly bytes: number
  /** The text, or its beginning; absent when the content is not text. Untrusted plain text. */
  readonly text?: string
  /** Whether only the beginning of the text is shown. */
  readonly cut: boolean
}

/** Limit on the characters shown. */
const longest = 4096

const textual = /^(?:text\/|application\/(?:[a-z0-9.+-]+\+)?(?:json|xml)|application\/x-www-form-urlencoded)/i

/**
 * The content of a held call for the page, taken from the record: exactly what the handler will get. `undefined` if
 * there is none.
 */
export function contentView({ content, rawHeaders }: HeldCall): ContentView | undefined {
  const bytes = Buffer.from(content, 'base64')
  if (bytes.length === 0) return undefined
  const type = fieldValue(rawHeaders, 'content-type') ?? ''
  const about = { type, bytes: bytes.length }
  // Encoded content is not the text that its type names, and content without a type may be anything.
  const text = textual.test(type) && !isEncoded(rawHeaders) ? readText(bytes) : undefined
  if (text === undefined) return { ...about, cut: false }
  // White space between members could push what matters below the part that is shown.
  const shown = /json/i.test(type) ? closeUp(text) : text
  return { ...about, text: shown.slice(0, longest), cut: shown.length > longest }
}

function isEncoded(rawHeaders: readonly string[]): boolean {
  const encoding = fieldValue(rawHeaders, 'content-encoding')
  return encoding !== undefined && encoding.toLowerCase() !== 'identity'
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** JSON with each run of white space reduced to one space and all members unchanged; other text is unchanged. */
function closeUp(text: string): string {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? ' ')
}

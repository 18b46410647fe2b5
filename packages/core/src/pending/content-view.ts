import type { HeldCall } from '../http/endpoint.js'
import { fieldValue } from '../http/message.js'

/** What is shown of the content of a call that waits, to whoever decides about it. */
export interface ContentView {
  /** As the caller sent it; empty when it named none. */
  readonly type: string
  /** Bytes of all of it. */
  readonly bytes: number
  /** The text, or its beginning; absent when it is none. Plain text, the caller's own word. */
  readonly text?: string
  /** Whether the text goes on after what is shown. */
  readonly cut: boolean
}

/** Characters shown. */
const longest = 4096

const textual = /^(?:text\/|application\/(?:[a-z0-9.+-]+\+)?(?:json|xml)|application\/x-www-form-urlencoded)/i

/**
 * A view of the content that the handler will be given, and of nothing else: of what the record holds. `undefined` when
 * there is none.
 */
export function contentView({ content, rawHeaders }: HeldCall): ContentView | undefined {
  const bytes = Buffer.from(content, 'base64')
  if (bytes.length === 0) return undefined
  const type = fieldValue(rawHeaders, 'content-type') ?? ''
  const about = { type, bytes: bytes.length }
  // What is encoded reads as something else, and what names no type is anybody's guess.
  const text = textual.test(type) && !isEncoded(rawHeaders) ? readText(bytes) : undefined
  if (text === undefined) return { ...about, cut: false }
  // Spaces between members could push what matters out of sight.
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

/** JSON with one space where there were many, and every member as it was sent; what is no JSON stays as it is. */
function closeUp(text: string): string {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? ' ')
}

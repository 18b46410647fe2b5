import type { IncomingMessage } from 'node:http'
import { hasBody } from '../http/message.js'

// Foreign messages: not made by Node's HTTP parser, but by a serverless platform from an event, or by `inject`. They
// imitate Node's messages more or less completely.

/**
 * The field lines of a foreign message, alternating name and value: its `rawHeaders` if it has them, otherwise its
 * `headers`, in which lines of one name are joined. Values that are no text or number are left out.
 */
export function foreignFields(message: IncomingMessage): string[] {
  const { rawHeaders, headers } = message as Partial<Record<'rawHeaders' | 'headers', unknown>>
  const fields: string[] = []
  const add = (name: unknown, value: unknown): void => {
    // An array stands for several lines of one name.
    if (Array.isArray(value)) for (const line of value) add(name, line)
    else if (typeof value === 'string' || typeof value === 'number') fields.push(String(name), String(value))
  }
  if (Array.isArray(rawHeaders) && typeof rawHeaders[0] === 'string')
    for (let i = 0; i < rawHeaders.length; i += 2) add(rawHeaders[i], rawHeaders[i + 1])
  else for (const [name, value] of Object.entries(headers ?? {})) add(name, value)
  return fields
}

/**
 * Whether a foreign message has content. No parser has checked that a field announces it, so the message itself is
 * inspected too: otherwise a route's rules for content could be bypassed.
 */
export function hasForeignContent(message: IncomingMessage, rawHeaders: readonly string[]): boolean {
  if (hasBody({ rawHeaders })) return true
  const { rawBody, body } = message as { readonly rawBody?: unknown; readonly body?: unknown }
  if (isSome(rawBody) || isSome(body) || message.readableLength > 0) return true
  const { payload } =
    (message as { readonly _lightMyRequest?: { readonly payload?: unknown } })._lightMyRequest ?? {}
  return payload !== undefined && payload !== null && payload !== ''
}

const isSome = (content: unknown): boolean =>
  (typeof content === 'string' || content instanceof Uint8Array) && content.length > 0

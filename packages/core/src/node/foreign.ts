import type { IncomingMessage } from 'node:http'
import { hasBody } from '../http/message.js'

// Foreign messages: those that Node's HTTP parser has not made, but a serverless platform, from an event, or `inject`. They
// imitate Node's, more or less completely.

/**
 * The field lines of a foreign message, alternating name and value: its `rawHeaders` where it has them, otherwise its
 * `headers`, in which lines of one name have been joined. Values that are no text or number are left out.
 */
export function foreignFields(message: IncomingMessage): string[] {
  const { rawHeaders, headers } = message as Partial<Record<'rawHeaders' | 'headers', unknown>>
  const fields: string[] = []
  const add = (name: unknown, value: unknown): void => {
    // An array is several lines of one name.
    if (Array.isArray(value)) for (const line of value) add(name, line)
    else if (typeof value === 'string' || typeof value === 'number') fields.push(String(name), String(value))
  }
  if (Array.isArray(rawHeaders) && typeof rawHeaders[0] === 'string')
    for (let i = 0; i < rawHeaders.length; i += 2) add(rawHeaders[i], rawHeaders[i + 1])
  else for (const [name, value] of Object.entries(headers ?? {})) add(name, value)
  return fields
}

/**
 * Whether a foreign message has content. No parser has made sure that a field announces it, so the message is looked at as
 * well: otherwise a route's rules for content could be passed by.
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

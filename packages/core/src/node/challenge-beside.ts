import type { ServerResponse } from 'node:http'

/**
 * Adds our challenge to a `401` that another authentication writes. Fields that it has set stay unchanged, and AAuth
 * never uses `WWW-Authenticate` (AAuth 11.6, R-151). The content is that of the other authentication, and so are the
 * fields about it.
 *
 * @returns stops adding it, so that a later `401` of the application stays unchanged
 *
 * @example
 * ```ts
 * import type { IncomingMessage, ServerResponse } from 'node:http'
 * import { type Answered, challengeBeside } from '@countersign/core/adapter'
 *
 * declare const checkBearer: (message: IncomingMessage, response: ServerResponse, next: () => void) => void
 *
 * function orBearer(outcome: Answered, message: IncomingMessage, response: ServerResponse, next: () => void): void {
 *   const end = challengeBeside(response, outcome.answer.headers)
 *   checkBearer(message, response, () => {
 *     end()
 *     next()
 *   })
 * }
 * ```
 */
export function challengeBeside(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): () => void {
  const { writeHead } = response
  let active = true
  const patched = (...args: Parameters<typeof writeHead>): ServerResponse => {
    if (active && args[0] === 401) {
      for (const [name, value] of Object.entries(headers)) {
        if (name !== 'Content-Type' && !response.hasHeader(name)) response.setHeader(name, value)
      }
    }
    return writeHead.apply(response, args)
  }
  response.writeHead = patched as typeof writeHead
  return () => {
    active = false
  }
}

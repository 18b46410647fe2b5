import { Readable } from 'node:stream'
import { handleOf, type Layer } from './routes.js'

/** Express's own parsers, by the names of their functions. They keep the parsed content but not the bytes. */
const parsers: ReadonlyMap<string, { readonly type: string; readonly text: string }> = new Map([
  ['jsonParser', { type: 'application/json', text: '{}' }],
  ['urlencodedParser', { type: 'application/x-www-form-urlencoded', text: 'a=b' }],
])

/**
 * Finds parsers for all paths, before the first of our layers, that discard the bytes. Whether a parser keeps them
 * (`verify`) cannot be seen from outside, so each is given a small request of its own.
 *
 * @param stack the layers of the application
 * @param isOurs whether a handler is one of ours
 * @param tell called once for each parser that discards the bytes
 */
export function lookForParsers(
  stack: readonly Layer[],
  isOurs: (handle: object) => boolean,
  tell: (parser: string) => void,
): void {
  for (const layer of stack) {
    const { slash, regexp } = layer
    const handle = handleOf(layer)
    if (isOurs(handle)) return
    const kind = parsers.get(handle.name)
    if (kind === undefined || (slash !== true && regexp?.fast_slash !== true)) continue
    const text = Buffer.from(kind.text)
    const headers = { 'content-type': kind.type, 'content-length': String(text.length) }
    const request = Object.assign(Readable.from([text], { objectMode: false }), {
      method: 'POST',
      url: '/',
      headers,
    }) as Readable & { readonly rawBody?: unknown }
    // An error says nothing about the bytes: a `verify` may look for a signature of its own. A parser for other types
    // has not read them.
    const next = (error?: unknown): void => {
      if (!error && request.readableDidRead && request.rawBody === undefined) tell(handle.name)
    }
    try {
      ;(handle as unknown as (...args: readonly unknown[]) => void)(request, {}, next)
    } catch {
      // Neither does an error that is thrown.
    }
  }
}

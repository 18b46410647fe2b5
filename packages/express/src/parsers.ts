import { Readable } from 'node:stream'
import { handleOf, type Layer } from './routes.js'

/** Express's own, by the names of their functions: they leave what they parsed, and of the bytes nothing. */
const parsers: ReadonlyMap<string, { readonly type: string; readonly text: string }> = new Map([
  ['jsonParser', { type: 'application/json', text: '{}' }],
  ['urlencodedParser', { type: 'application/x-www-form-urlencoded', text: 'a=b' }],
])

/**
 * Finds out whether a parser that stands for all paths before the first of our layers throws the bytes away. Whether one
 * keeps them (`verify`) is not to be seen from outside, so each is given a small request of its own.
 *
 * @param stack the layers of the application
 * @param isOurs whether a handler is one of ours
 * @param tell called once for each that keeps nothing
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
    // Who refuses it, as a `verify` may that looks for a signature of its own, has said nothing about the bytes; who is for
    // other types has not read them.
    const next = (error?: unknown): void => {
      if (!error && request.readableDidRead && request.rawBody === undefined) tell(handle.name)
    }
    try {
      ;(handle as unknown as (...args: readonly unknown[]) => void)(request, {}, next)
    } catch {
      // Nor has who throws.
    }
  }
}

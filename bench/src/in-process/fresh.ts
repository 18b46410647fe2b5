import type { RawRequest } from '../world.js'

/**
 * Makes copies of a request whose strings are new each time, as an HTTP parser makes them. Otherwise V8 remembers a
 * string's hash, and whatever looks it up in a map looks cheaper than it is.
 */
export function freshCopies({ method, target, rawHeaders }: RawRequest): () => RawRequest {
  const bytes = rawHeaders.map((text) => Buffer.from(text, 'latin1'))
  const path = Buffer.from(target, 'latin1')
  return () => ({
    method,
    target: path.toString('latin1'),
    rawHeaders: bytes.map((text) => text.toString('latin1')),
  })
}

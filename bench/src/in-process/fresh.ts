import type { RawRequest } from '../world.js'

/**
 * Makes copies of a request with new strings each time, as an HTTP parser does. Otherwise V8 remembers the hash of a
 * string, and map lookups look cheaper than they are.
 */
export function freshCopies({ method, target, rawHeaders }: RawRequest): () => RawRequest {
  // One buffer per request, because there may be a hundred thousand of them.
  const bytes = Buffer.from([target, ...rawHeaders].join(''), 'latin1')
  let end = target.length
  const spans = rawHeaders.map((text) => {
    const start = end
    end += text.length
    return [start, end] as const
  })
  return () => ({
    method,
    target: bytes.toString('latin1', 0, target.length),
    rawHeaders: spans.map(([from, to]) => bytes.toString('latin1', from, to)),
  })
}

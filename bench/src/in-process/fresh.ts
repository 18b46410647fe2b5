import type { RawRequest } from '../world.js'

/**
 * Makes copies of a request whose strings are new each time, as an HTTP parser makes them. Otherwise V8 remembers a
 * string's hash, and whatever looks it up in a map looks cheaper than it is.
 */
export function freshCopies({ method, target, rawHeaders }: RawRequest): () => RawRequest {
  // One buffer a request, since there may be a hundred thousand of them.
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

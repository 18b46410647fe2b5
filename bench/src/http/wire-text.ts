import type { RawRequest } from '../world.js'

/** A request as text on the wire. */
export function wireText({ method, target, rawHeaders }: RawRequest): string {
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}\r\n`] : []))
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/**
 * Bytes that are allocated at once, for some sixty requests. Allocating them for each request takes longer than
 * filling them.
 */
const slabBytes = 64 * 1024
/** Longer requests for bytes are allocated by themselves. */
const longest = slabBytes / 8

let slab = Buffer.allocUnsafeSlow(slabBytes)
let used = 0

/**
 * Bytes to be filled, used by nobody else then or later: what a thread or a log keeps of a request is never
 * overwritten. They are not zeroed.
 */
export function takeBytes(length: number): Buffer {
  if (length > longest) return Buffer.allocUnsafeSlow(length)
  if (used + length > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes)
    used = 0
  }
  const begin = used
  used += length
  return slab.subarray(begin, used)
}

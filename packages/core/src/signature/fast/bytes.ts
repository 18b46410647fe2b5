/** Bytes that are asked for at once: those of some sixty requests. Asking Node for those of each takes longer than filling them. */
const slabBytes = 64 * 1024
/** What is longer has its bytes to itself. */
const longest = slabBytes / 8

let slab = Buffer.allocUnsafeSlow(slabBytes)
let used = 0

/**
 * Bytes to be filled, which nobody else has or will have: what is held of a request, by a thread or a log, is never written
 * over. They are not cleared.
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

// The y-coordinates of the points of order 1, 2, 4 and 8 (RFC 8032, 5.1; RFC 7748, 7). OpenSSL accepts all of them:
// with the identity as key, one fixed signature verifies for any message. libsodium refuses them as keys and as R.
const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])
const secondBytes: ReadonlySet<number | undefined> = new Set(
  [...smallOrder].map((y) => Number.parseInt(y.slice(2, 4), 16)),
)

/** Whether the first 32 bytes encode a point of small order on Curve25519: a key, or the R of a signature. */
export function isSmallOrder(bytes: Uint8Array): boolean {
  return secondBytes.has(bytes[1]) && smallOrder.has(coordinate(bytes).toString('hex'))
}

/** Whether the first 32 bytes are the canonical encoding of a y-coordinate, below the prime (RFC 8032, 5.1.3). */
export function isCanonicalPoint(bytes: Uint8Array): boolean {
  const y = coordinate(bytes)
  return !(y[31] === 0x7f && (y[0] as number) >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff))
}

// Without the sign of x.
function coordinate(bytes: Uint8Array): Buffer {
  const y = Buffer.from(bytes.subarray(0, 32))
  y[31] = (y[31] as number) & 0x7f
  return y
}

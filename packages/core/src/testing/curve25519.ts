import { createHash } from 'node:crypto'

// Just enough of edwards25519 (RFC 8032, 5.1) to make signatures no library would make.

const p = 2n ** 255n - 19n
/** The order of the base point. */
export const order = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (value: bigint, modulus = p): bigint => ((value % modulus) + modulus) % modulus
const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n
  let square = mod(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}
const inverse = (value: bigint): bigint => power(value, p - 2n)
const d = mod(-121665n * inverse(121666n))

/** A point in affine coordinates. */
export interface Point {
  readonly x: bigint
  readonly y: bigint
}

export const base: Point = {
  x: 15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  y: 46316835694926478169428394003475163141307993866256225615783033603165251855960n,
}

export function add(a: Point, b: Point): Point {
  const t = mod(d * a.x * b.x * a.y * b.y)
  return {
    x: mod((a.x * b.y + a.y * b.x) * inverse(1n + t)),
    y: mod((a.y * b.y + a.x * b.x) * inverse(1n - t)),
  }
}

export function multiply(scalar: bigint, point: Point): Point {
  let result: Point = { x: 0n, y: 1n }
  let double = point
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, double)
    double = add(double, double)
  }
  return result
}

/** The point with this y-coordinate and an even x. */
export function decodeEven(bytes: Uint8Array): Point {
  const y = fromBytes(bytes)
  const x2 = mod((y * y - 1n) * inverse(d * y * y + 1n))
  let x = power(x2, (p + 3n) / 8n)
  if (mod(x * x) !== x2) x = mod(x * power(2n, (p - 1n) / 4n))
  if (mod(x * x) !== x2) throw new RangeError('no point')
  return { x: x & 1n ? mod(-x) : x, y }
}

export function encode({ x, y }: Point): Buffer {
  const bytes = toBytes(y)
  bytes[31] = (bytes[31] as number) | (Number(x & 1n) << 7)
  return bytes
}

export function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}

export function fromBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

/** What the signer and the verifier multiply the key by. */
export function challenge(r: Uint8Array, key: Uint8Array, message: Uint8Array): bigint {
  return fromBytes(createHash('sha512').update(r).update(key).update(message).digest()) % order
}

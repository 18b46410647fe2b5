import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'

const order = 2n ** 252n + 27742317777372353535851937790883648493n
const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
const sha512 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha512').update(Buffer.concat(parts)).digest()

/** Points of small order, as they are and as they should not be written. */
const small = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'))

/** Keys, signatures and messages on which implementations of Ed25519 are known to differ (RFC 8032, 5.1.7 and 8.9). */
export function edgesOfEd25519(): readonly Buffer[] {
  const seed = createHash('sha256').update('countersign fuzz edges').digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(secret).export({ format: 'jwk' })
  const key = Buffer.from(x, 'base64url')
  const clamped = sha512(seed).subarray(0, 32)
  clamped[0] = (clamped[0] as number) & 248
  clamped[31] = ((clamped[31] as number) & 127) | 64
  const message = Buffer.from('bread')
  const signature = sign(null, message, secret)
  const [r, s] = [signature.subarray(0, 32), number(signature.subarray(32))]
  const challenge = (point: Uint8Array): bigint => number(sha512(point, key, message)) % order
  return [
    Buffer.concat([key, signature, message]),
    ...[1n, 2n, 8n].map((times) => Buffer.concat([key, r, bytesOf(s + times * order), message])),
    ...small.map((point) =>
      Buffer.concat([key, point, bytesOf((challenge(point) * number(clamped)) % order), message]),
    ),
    ...small.map((point) => Buffer.concat([point, point, bytesOf(0n), message])),
  ]
}

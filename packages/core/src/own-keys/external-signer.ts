import {
  importPublicJwk,
  importSigningJwk,
  KeyFault,
  ownFault,
  type SigningKey,
  type VerificationKey,
} from '../crypto/keys.js'
import { after } from '../time/clock.js'

/**
 * A signing key whose private half is kept elsewhere: in a key management service, a hardware module or another
 * process.
 */
export interface ExternalSigner {
  /**
   * The public JWK, with a fully specified `alg`. A JWK with a private member is refused. Without `kid` the
   * thumbprint is used.
   */
  readonly publicJwk: object
  /**
   * Signs bytes. Ed25519 signs the bytes themselves; ES256 is ECDSA over their SHA-256. Returns the 64 bytes `r || s`
   * (RFC 7518, 3.4), not DER; {@link ecdsaFromDer} converts DER. No result within five seconds counts as a failure.
   */
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const signMilliseconds = 5000

/**
 * Makes a signing key from a signer. Every signature is verified before it is used: a signer with the wrong key would
 * have us issue tokens that nobody can verify.
 *
 * @throws TypeError when the public JWK is not accepted
 */
function importSigner(signer: ExternalSigner): SigningKey {
  const { publicJwk } = signer
  const key = importPublicJwk(publicJwk)
  if (key instanceof KeyFault)
    throw new TypeError(`publicJwk: ${ownFault(key, (publicJwk as { alg?: unknown }).alg)}`)
  const { kid = key.jkt } = publicJwk as { readonly kid?: unknown }
  if (typeof kid !== 'string' || kid === '') throw new TypeError('publicJwk: kid must be a non-empty string')
  const { kty, crv, x, y } = publicJwk as Readonly<Record<string, string>>
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as Record<string, string>
  return {
    algorithm: key.algorithm,
    kid,
    jkt: key.jkt,
    publicJwk: { ...members, alg: key.algorithm.name, kid },
    sign: async (data) => checkSignature(kid, key, data, await inTime(kid, signer, data)),
  }
}

/**
 * Makes a signing key from a configured value: a private JWK with a fully specified `alg`, or an
 * {@link ExternalSigner}.
 *
 * @throws TypeError when it is neither
 *
 * @example
 * ```ts
 * import { importSigningKey } from '@countersign/core/issuer'
 *
 * const key = importSigningKey(JSON.parse(process.env['AGENT_KEY'] ?? '{}'))
 * console.log(key.jkt)
 * ```
 */
export function importSigningKey(given: object): SigningKey {
  return isSigner(given) ? importSigner(given) : importSigningJwk(given)
}

/** Whether a value is an {@link ExternalSigner}, not a private JWK. */
export function isSigner(value: object): value is ExternalSigner {
  return typeof (value as { readonly sign?: unknown }).sign === 'function'
}

async function inTime(kid: string, signer: ExternalSigner, data: Uint8Array): Promise<Uint8Array> {
  let stop = (): void => {}
  const late = new Promise<never>((_, reject) => {
    stop = after(signMilliseconds, () =>
      reject(new Error(`the signer of key ${kid} gave no answer within ${signMilliseconds} ms`)),
    )
  })
  try {
    return await Promise.race([signer.sign(data), late])
  } finally {
    stop()
  }
}

function checkSignature(
  kid: string,
  { algorithm, key }: VerificationKey,
  data: Uint8Array,
  signature: unknown,
): Uint8Array {
  if (!(signature instanceof Uint8Array) || signature.length !== algorithm.signatureBytes) {
    throw new Error(`the signer of key ${kid} must answer with ${algorithm.signatureBytes} bytes, r || s`)
  }
  if (!algorithm.verify(key, data, signature)) {
    throw new Error(`the signer of key ${kid} does not sign with the private half of its publicJwk`)
  }
  return signature
}

/**
 * Converts an ECDSA P-256 signature in DER, as many key management services return it, to the 64 bytes `r || s`.
 *
 * @throws TypeError when it is no such signature
 *
 * @example
 * ```ts
 * import { createSign } from 'node:crypto'
 * import { ecdsaFromDer } from '@countersign/core'
 *
 * const sign = (data: Uint8Array): Uint8Array =>
 *   ecdsaFromDer(createSign('sha256').update(data).sign(process.env['KEY_PEM'] ?? ''))
 * ```
 */
export function ecdsaFromDer(der: Uint8Array): Uint8Array {
  const [r, afterR] = readInteger(der, 2)
  const [s, afterS] = readInteger(der, afterR)
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || afterS !== der.length) throw derError()
  const raw = new Uint8Array(64)
  raw.set(r, 32 - r.length)
  raw.set(s, 64 - s.length)
  return raw
}

function readInteger(der: Uint8Array, at: number): [Uint8Array, number] {
  const length = der[at + 1]
  if (der[at] !== 0x02 || length === undefined || length === 0 || length > 33) throw derError()
  const end = at + 2 + length
  if (end > der.length) throw derError()
  const bytes = der.subarray(at + 2, end)
  const value = bytes[0] === 0 ? bytes.subarray(1) : bytes
  if (value.length > 32) throw derError()
  return [value, end]
}

const derError = (): TypeError => new TypeError('must be an ECDSA P-256 signature in DER')

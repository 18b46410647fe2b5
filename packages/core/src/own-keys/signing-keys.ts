import { createPrivateKey, KeyObject } from 'node:crypto'
import { types } from 'node:util'
import type { SigningKey } from '../crypto/keys.js'
import { type ExternalSigner, importSigningKey, isSigner } from './external-signer.js'

/** A signing key of the resource server: a private JWK with a fully specified `alg`, or a signer for a key kept elsewhere. */
export type SigningKeyOption = object | ExternalSigner

/** The values of the option `signingKeys`: one key or several, as values or as text. */
export type SigningKeys = SigningKeyOption | string | readonly (SigningKeyOption | string)[]

/** One signing key, and its position in the option: `signingKeys[1]`. */
export interface PlacedKey {
  readonly at: string
  readonly key: SigningKeyOption
}

const kinds = 'a private JWK, a list of them, a JWK Set, JSON text of one of these, a PKCS#8 PEM, or a signer'

/**
 * Splits the option `signingKeys` into single keys, which are checked later. No error message holds any part of a
 * value, because it may be a key in the wrong place.
 *
 * @param at the name of the option or variable
 * @throws TypeError saying which kind of value was found where
 */
export function readSigningKeys(given: unknown, at: string): readonly PlacedKey[] {
  if (typeof given === 'string') return readText(given, at)
  if (Array.isArray(given)) {
    if (given.length === 0) throw new TypeError(`${at}: is an empty list; expected ${kinds}`)
    // By length, because a gap in a list is an error too.
    return Array.from(given as readonly unknown[], (key, index) => readMember(key, `${at}[${index}]`)).flat()
  }
  return readObject(given, at)
}

function readMember(given: unknown, at: string): readonly PlacedKey[] {
  if (Array.isArray(given)) throw new TypeError(`${at}: is a list within a list`)
  return typeof given === 'string' ? readText(given, at) : readObject(given, at)
}

function readObject(given: unknown, at: string): readonly PlacedKey[] {
  if (given === undefined) throw new TypeError(`${at}: is undefined: is the environment variable set?`)
  const kind = kindOf(given)
  if (kind !== undefined) throw new TypeError(`${at}: is ${kind}; expected ${kinds}`)
  const value = given as object
  if (isSigner(value)) return [{ at, key: value }]
  if (!('keys' in value) || 'kty' in value) return [{ at, key: value }]
  const { keys } = value
  if (!Array.isArray(keys) || keys.length === 0)
    throw new TypeError(`${at}.keys: must be a list of private JWKs, with one at least`)
  return Array.from(keys as readonly unknown[], (key, index) => {
    const place = `${at}.keys[${index}]`
    const wrong = key === undefined ? 'undefined' : typeof key === 'string' ? 'text' : kindOf(key)
    if (wrong !== undefined) throw new TypeError(`${place}: is ${wrong}; a JWK Set holds JWKs`)
    return { at: place, key: key as object }
  })
}

/** The kind of a value that cannot be a JWK, a set or a signer; `undefined` if it may be one. */
function kindOf(value: unknown): string | undefined {
  if (value === null) return 'null'
  if (typeof value === 'function') return 'a function; call it, or give an object with publicJwk and sign'
  if (typeof value !== 'object') return `a ${typeof value}`
  if (Array.isArray(value)) return 'a list'
  if (types.isPromise(value)) return 'a promise; await it first'
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return 'bytes; read it as text (utf8)'
  if (value instanceof KeyObject || types.isCryptoKey(value))
    return `a ${value instanceof KeyObject ? 'KeyObject' : 'CryptoKey'}; export it as a JWK`
  return undefined
}

function readText(given: string, at: string): readonly PlacedKey[] {
  const text = given.trim()
  if (text === '') throw new TypeError(`${at}: is empty text: is the environment variable set?`)
  if (text.includes('-----BEGIN ')) return readPem(text, at)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The error of JSON.parse would quote the text.
    throw new TypeError(
      `${at}: is text of ${given.length} characters that is neither JSON nor PEM; expected ${kinds}`,
    )
  }
  if (typeof value === 'string')
    throw new TypeError(`${at}: is JSON of a text, and not of a key; take away one pair of quotes`)
  return Array.isArray(value) ? readSigningKeys(value, at) : readObject(value, at)
}

const block = /-----BEGIN ([A-Z0-9 ]{1,64})-----[^-]*-----END \1-----/g

/** In variables, line breaks are often written as `\n`. */
function readPem(text: string, at: string): readonly PlacedKey[] {
  const blocks = [...text.replaceAll('\\r', '').replaceAll('\\n', '\n').matchAll(block)]
  // OpenSSL writes the curve of an EC key in a separate block.
  const keys = blocks.filter(([, label]) => label !== 'EC PARAMETERS')
  if (keys.length === 0) throw new TypeError(`${at}: is a PEM without its end: are its line breaks there?`)
  return keys.map(([pem, label], index) => {
    const place = keys.length === 1 ? at : `${at}[${index}]`
    return { at: place, key: jwkOf(pem, label as string, place) }
  })
}

function jwkOf(pem: string, label: string, at: string): object {
  if (label.endsWith('PUBLIC KEY') || label.endsWith('CERTIFICATE'))
    throw new TypeError(`${at}: is a PEM of a ${label.toLowerCase()}; a private key is needed to sign`)
  if (label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(pem))
    throw new TypeError(`${at}: is an encrypted PEM; decrypt it first`)
  if (!label.endsWith('PRIVATE KEY') || label.startsWith('OPENSSH'))
    throw new TypeError(`${at}: is a PEM of another kind; expected PKCS#8 (BEGIN PRIVATE KEY)`)
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw new TypeError(
      `${at}: is a PEM that cannot be read as a private key; expected PKCS#8 (BEGIN PRIVATE KEY)`,
    )
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return { ...key.export({ format: 'jwk' }), alg: 'Ed25519' }
  if (type === 'ec' && details?.namedCurve === 'prime256v1')
    return { ...key.export({ format: 'jwk' }), alg: 'ES256' }
  const curve = details?.namedCurve === undefined ? '' : ` on ${details.namedCurve}`
  throw new TypeError(
    `${at}: is a PEM of a key of type ${type}${curve}; accepted are Ed25519 and ES256 (EC on P-256)`,
  )
}

/**
 * Imports one signing key.
 *
 * @throws TypeError naming its position, without any of its content
 */
export function importKey({ at, key }: PlacedKey): SigningKey {
  try {
    return importSigningKey(key)
  } catch (cause) {
    throw new TypeError(`${at}: ${(cause as Error).message}`, { cause })
  }
}

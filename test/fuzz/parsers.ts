import { createHash } from 'node:crypto'
import {
  algorithms,
  checkContentDigest,
  contentDigest,
  importPublicJwk,
  KeyFault,
  Refusal,
  readSignature,
  unsigned,
} from '@countersign/core/signature'
import { ed25519 as libsodium } from '@countersign/core/sodium'
import { parseDictionary } from 'structured-headers'
import { authority, now } from './cast.js'
import { edgesOfEd25519 } from './edges.js'
import { policy, requests } from './requests.js'
import { type Target, wrong } from './target.js'

/** `Signature-Input`, `Signature` and `Signature-Key`, a line each: what is read of them a library reads too. */
export const fields: Target = {
  name: 'fields',
  weight: 8,
  seeds: requests.map(({ rawHeaders }) =>
    Buffer.from(
      rawHeaders
        .slice(-6)
        .filter((_, i) => i % 2 === 1)
        .join('\n'),
      'latin1',
    ),
  ),
  run(input) {
    // Space around a value is none of it (RFC 9110, 5.5).
    const [signatureInput = '', signature = '', signatureKey = ''] = input
      .toString('latin1')
      .split('\n')
      .map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ''))
    const given = { 'Signature-Input': signatureInput, Signature: signature, 'Signature-Key': signatureKey }
    const rawHeaders = ['Host', authority, ...Object.entries(given).flat()]
    const read = readSignature({ method: 'GET', target: '/data?x=1', rawHeaders }, policy, now)
    if (read === unsigned || read instanceof Refusal) return
    const [inner, parameters] = parseDictionary(signatureInput).get(read.label) ?? wrong('no such member')
    if (!Array.isArray(inner) || inner.length !== read.covered.length) wrong('covers something else')
    if (inner.some(([name], i) => name !== read.covered[i])) wrong('covers other names')
    if (parameters.get('created') !== read.created) wrong('was created at another time')
    const [bytes] = parseDictionary(signature).get(read.label) ?? wrong('no such signature')
    if (!(bytes instanceof ArrayBuffer) || !Buffer.from(bytes).equals(read.signature))
      wrong('another signature')
    if (!parseDictionary(signatureKey).has(read.label)) wrong('no such key')
  },
}

const names: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/** A field and the content that it is said to be of, with a line break between them. */
export const digest: Target = {
  name: 'digest',
  weight: 4,
  seeds: ['', 'bread'].map((content) => Buffer.from(`${contentDigest(Buffer.from(content))}\n${content}`)),
  run(input) {
    const at = input.indexOf(10)
    const value = input.subarray(0, Math.max(0, at)).toString('latin1')
    const content = input.subarray(at + 1)
    if (checkContentDigest(value, content) !== undefined) return
    let known = 0
    for (const [name, [found]] of parseDictionary(value)) {
      const algorithm = names.get(name)
      if (algorithm === undefined) continue
      known++
      const hash = createHash(algorithm).update(content).digest()
      if (!(found instanceof ArrayBuffer) || !Buffer.from(found).equals(hash))
        wrong(`${name} is of something else`)
    }
    if (known === 0) wrong('good, and there is no digest')
  },
}

const openssl = algorithms.get('Ed25519') ?? wrong('no Ed25519')

/** A key, a signature and a message one after the other: libsodium and OpenSSL say the same of them. */
export const ed25519: Target = {
  name: 'ed25519',
  weight: 2,
  seeds: edgesOfEd25519(),
  run(input) {
    if (input.length < 96) return
    const [x, signature, message] = [input.subarray(0, 32), input.subarray(32, 96), input.subarray(96)]
    const jwk = { kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519', x: x.toString('base64url') }
    const key = importPublicJwk(jwk)
    if (key instanceof KeyFault) return
    const [ours, theirs] = [openssl.verify(key.key, message, signature), libsodium(x, message, signature)]
    if (ours !== theirs) wrong(`OpenSSL says ${ours}, libsodium ${theirs}`)
  },
}

import { constants, createHmac, createPublicKey, verify } from 'node:crypto'
import { type InnerList, isInnerList, parseDictionary } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { importPublicJwk, importSigningJwk, type VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import {
  requestB2,
  testKeyEd25519,
  testKeyP256,
  testKeyRsaPss,
  testSharedSecret,
} from '../testing/vectors.js'
import { signatureBase } from './base.js'
import { UnresolvedComponent } from './components.js'
import type { SignatureContext } from './context.js'
import { readSignature } from './read.js'

const key = ({ d: _, ...jwk }: { readonly d: string }): VerificationKey =>
  importPublicJwk(jwk) as VerificationKey
const ed25519 = key(testKeyEd25519)
const p256 = key(testKeyP256)

function base(input: string, request: SignatureContext): Buffer {
  const [list] = parseDictionary(input).values()
  if (list === undefined || !isInnerList(list)) throw new TypeError('not an Inner List')
  const bytes = signatureBase(list as InnerList, request)
  if (bytes instanceof UnresolvedComponent) throw new TypeError(`unresolved: ${bytes.identifier}`)
  return bytes
}

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')
const verifies = (
  { algorithm, key }: VerificationKey,
  input: string,
  signature: string,
  request: SignatureContext,
): boolean => algorithm.verify(key, base(input, request), bytes(signature))

describe('RFC 9421, B.2', () => {
  it.each([
    [
      'B.2.1',
      'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
      'd2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==',
    ],
    [
      'B.2.2',
      'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
      'LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==',
    ],
    [
      'B.2.3',
      'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
      'bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==',
    ],
  ])(
    '%s: the base under a signature with an algorithm that is not ours [H-14] [H-15]',
    (_, input, signature) => {
      const rsa = {
        key: createPublicKey(testKeyRsaPss),
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: 64,
      }
      expect(verify('sha512', base(input, requestB2), rsa, bytes(signature))).toBe(true)
    },
  )

  it('B.2.4 is over a response, and its @status has no place in a request [H-18]', () => {
    const input = 'sig-b24=("@status" "content-type");created=1618884473;keyid="test-key-ecc-p256"'
    expect(() => base(input, requestB2)).toThrow('unresolved: "@status"')
  })

  it('B.2.5: the base under a shared secret, which is no key here [K-028]', () => {
    const input = 'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    const mac = createHmac('sha256', bytes(testSharedSecret)).update(base(input, requestB2)).digest('base64')
    expect(mac).toBe('pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=')
    expect(importPublicJwk({ kty: 'oct', alg: 'HS256', k: testSharedSecret })).toMatchObject({
      fault: 'unsupported',
    })
  })

  it('B.2.6: Ed25519, verified and signed again [H-61] [R-032]', async () => {
    const input =
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'
    const signature =
      'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=='
    expect(verifies(ed25519, input, signature, requestB2)).toBe(true)
    const again = await importSigningJwk(testKeyEd25519).sign(base(input, requestB2))
    expect(Buffer.from(again).toString('base64')).toBe(signature)
  })
})

describe('RFC 9421, 4.3 and B.3', () => {
  const sig1 =
    'sig1=("@method" "@authority" "@path" "content-digest" "content-type" "content-length");created=1618884475;keyid="test-key-ecc-p256"'

  it('4.3: ES256 over a request [H-61]', () => {
    const signature =
      'X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A=='
    expect(verifies(p256, sig1, signature, requestB2)).toBe(true)
    expect(verifies(p256, sig1, signature, { ...requestB2, target: '/foo/' })).toBe(false)
    // (r, n - s) would verify as well; (s, r) must not.
    const swapped = Buffer.concat([bytes(signature).subarray(32), bytes(signature).subarray(0, 32)])
    expect(verifies(p256, sig1, swapped.toString('base64'), requestB2)).toBe(false)
  })

  it('B.3: ES256 behind a proxy that ends TLS [H-14] [H-61]', () => {
    const clientCert =
      ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:'
    const request = {
      ...requestB2,
      authority: 'service.internal.example',
      rawHeaders: ['Host', 'service.internal.example', 'Client-Cert', clientCert],
    }
    const input =
      'ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"'
    const signature =
      'xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw=='
    expect(verifies(p256, input, signature, request)).toBe(true)
    expect(verifies(p256, input, signature, { ...request, authority: 'example.com' })).toBe(false)
  })
})

describe('RFC 9421, B.4: what a signature survives', () => {
  const accept = ['Accept', 'application/json', 'Accept', '*/*']
  const date = ['Date', 'Fri, 15 Jul 2022 14:24:55 GMT']
  const host = ['Host', 'example.org']
  const get = {
    method: 'GET',
    authority: 'example.org',
    scheme: 'https',
    target: '/demo?name1=Value1&Name2=value2',
  } as const

  it.each<[boolean, string, SignatureContext]>([
    [true, 'as it was signed', { ...get, rawHeaders: [...host, ...date, ...accept] }],
    [
      true,
      'a query parameter and a field are added',
      {
        ...get,
        target: `${get.target}&param=added`,
        rawHeaders: [...host, ...date, ...accept, 'Accept-Language', 'en-US,en;q=0.5'],
      },
    ],
    [
      true,
      'the lines of a field become one, another field comes and goes',
      {
        ...get,
        rawHeaders: [
          ...host,
          'Referer',
          'https://developer.example.org/demo',
          'Accept',
          'application/json, */*',
        ],
      },
    ],
    [true, 'fields are reordered', { ...get, rawHeaders: [...accept, ...date, ...host] }],
    [
      false,
      'the method and the authority change',
      {
        ...get,
        method: 'POST',
        authority: 'example.com',
        rawHeaders: ['Host', 'example.com', ...date, ...accept],
      },
    ],
    [
      false,
      'the lines of a field change places',
      { ...get, rawHeaders: [...host, ...date, 'Accept', '*/*', 'Accept', 'application/json'] },
    ],
  ])('%j: %s [H-31]', (expected, _, request) => {
    const input =
      'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"'
    const signature =
      'ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA=='
    expect(verifies(ed25519, input, signature, request)).toBe(expected)
  })
})

describe('none of these is a signature of AAuth', () => {
  const policy = {
    authority: 'example.com',
    scheme: 'https',
    components: [],
    window: 60,
    schemes: ['jwt'],
    limits: { signatureInput: 2048, signature: 1024, signatureKey: 12_288, components: 32 },
  } as const

  it('since no Signature-Key is there, and none would be covered [K-009] [R-045]', () => {
    const fields = [
      'Signature-Input',
      'sig=("@method" "@path" "@authority");created=1618884473',
      'Signature',
      `sig=:${'A'.repeat(86)}==:`,
    ]
    const without = readSignature({ ...requestB2, rawHeaders: fields }, policy, 1_618_884_473) as Refusal
    expect(without.code).toBe('invalid_signature')
    const uncovered = [...fields, 'Signature-Key', 'sig=jwt;jwt="a.b.c"']
    const refused = readSignature({ ...requestB2, rawHeaders: uncovered }, policy, 1_618_884_473) as Refusal
    expect([refused.code, refused.details.requiredInput]).toEqual([
      'invalid_input',
      ['@method', '@authority', '@path', 'signature-key'],
    ])
  })
})

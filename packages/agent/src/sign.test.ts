import { generateKeyPairSync } from 'node:crypto'
import {
  checkContentDigest,
  importPublicJwk,
  importSigningJwk,
  type ReadSignature,
  readSignature,
  type VerificationKey,
  verifySignature,
} from '@countersign/core/signature'
import { describe, expect, it } from 'vitest'
import { type Draft, signedHeaders } from './sign.js'

const key = importSigningJwk({
  ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
  alg: 'Ed25519',
})
const token = 'eyJhbGciOiJFZDI1NTE5In0.e30.c2ln'
const url = new URL('https://shop.example/bread?kind=rye')

async function covered(draft: Partial<Draft>, additional: readonly string[] = []) {
  const method = draft.content === undefined ? 'GET' : 'POST'
  const request = { method, url, headers: new Headers(), content: undefined, ...draft }
  const headers = await signedHeaders(request, { key, token, created: 1_790_000_000, additional })
  const read = readSignature(
    { method, target: '/bread?kind=rye', rawHeaders: ['host', url.host, ...[...headers].flat()] },
    {
      authority: url.host,
      scheme: 'https',
      components: [],
      window: 60,
      schemes: ['jwt'],
      limits: { signatureInput: 4096, signature: 4096, signatureKey: 16_384, components: 32 },
    },
    1_790_000_000,
  ) as ReadSignature
  expect(verifySignature(read, importPublicJwk(key.publicJwk) as VerificationKey)).toBeUndefined()
  const names = [...(headers.get('signature-input') ?? '').matchAll(/"([^"]+)"/g)].map(([, name]) => name)
  return { headers, names }
}

describe('a signed request', () => {
  it('covers what every request has', async () => {
    const { names, headers } = await covered({})
    expect(names).toEqual(['@method', '@authority', '@path', 'signature-key'])
    expect(headers.has('content-digest')).toBe(false)
  })

  it.each([
    ['with a type', { 'content-type': 'text/plain' }, 'text/plain'],
    ['without', {}, 'application/octet-stream'],
  ])('covers type and digest of content, %s', async (_, given, type) => {
    const content = new Uint8Array([1, 2, 3])
    const { names, headers } = await covered({
      content,
      headers: new Headers(given as Record<string, string>),
    })
    expect(names).toEqual(expect.arrayContaining(['content-type', 'content-digest']))
    expect(headers.get('content-type')).toBe(type)
    expect(checkContentDigest(headers.get('content-digest') ?? '', content)).toBeUndefined()
  })

  it('has the digest of content that is empty', async () => {
    const { names } = await covered({ content: new Uint8Array(0) })
    expect(names).toContain('content-digest')
  })

  it('writes its own fields, whatever was there', async () => {
    const own = {
      signature: 'sig=:AA==:',
      'signature-input': 'x=()',
      'signature-key': 'x=jwt',
      'content-digest': 'sha-256=:AA==:',
    }
    const { headers } = await covered({ headers: new Headers(own) })
    expect(headers.get('signature-input')).toMatch(/^sig=\(/)
    expect(headers.has('content-digest')).toBe(false)
  })

  it('covers a session (R-207), and no other authorization', async () => {
    const session = await covered({ headers: new Headers({ authorization: 'AAuth abc' }) })
    expect(session.names).toContain('authorization')
    const bearer = await covered({ headers: new Headers({ authorization: 'Bearer abc' }) })
    expect(bearer.names).not.toContain('authorization')
  })

  it('covers what a resource asks for, as far as the request has it', async () => {
    const headers = new Headers({ 'x-trace': '1' })
    const { names } = await covered({ headers }, ['@query', 'x-trace', 'x-other', '@method'])
    expect(names).toEqual(['@method', '@authority', '@path', 'signature-key', '@query', 'x-trace'])
  })
})

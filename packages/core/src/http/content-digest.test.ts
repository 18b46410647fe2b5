import { describe, expect, it } from 'vitest'
import type { Refusal } from '../errors.js'
import { checkContentDigest, contentDigest } from './content-digest.js'

const full = '{"hello": "world"}\n'
const brotli = Buffer.from('0b09807b2268656c6c6f223a2022776f726c64227d0a03', 'hex')

// RFC 9530, appendix B. `Content-Digest` is over the content as transferred: part of it, or compressed.
const vectors: [string, string | Uint8Array, string][] = [
  ['B.1, the whole representation', full, 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'],
  ['B.2, no content', '', 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'],
  ['B.3, bytes 10 to 18', full.slice(10), 'sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:'],
  ['B.4, compressed', brotli, 'sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:'],
  ['B.6, a request', '{"title": "New Title"}\n', 'sha-256=:mEkdbO7Srd9LIOegftO0aBX+VPTVz7/CSHes2Z27gc4=:'],
  [
    'B.10, two algorithms',
    brotli,
    'sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:, sha-512=:db7fdBbgZMgX1Wb2MjA8zZj+rSNgfmDCEEXM8qLWfpfoNY0sCpHAzZbj09X1/7HAb7Od5Qfto4QpuBsFbUO3dQ==:',
  ],
  [
    'RFC 9421, B.2, SHA-512',
    '{"hello": "world"}',
    'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
  ],
]

describe('Content-Digest', () => {
  it.each(vectors)('%s [H-58]', (_, content, value) => {
    const bytes = Buffer.from(content)
    expect(checkContentDigest(value, bytes)).toBeUndefined()
    if (/^sha-256=:[^:]*:$/.test(value)) expect(contentDigest(bytes)).toBe(value)
    const other = Buffer.concat([bytes, Buffer.from(' ')])
    expect((checkContentDigest(value, other) as Refusal).code).toBe('invalid_signature')
  })

  it.each([
    ['nothing', ''],
    ['no Dictionary', 'sha-256=:'],
    ['no algorithm known', 'md5=:AAAA:, unixsum=30637'],
    ['a digest of another length', 'sha-256=:AAAA:'],
    ['a String', 'sha-256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="'],
    ['a member without value', 'sha-256'],
    ['an Inner List', 'sha-256=(:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:)'],
    ['one of two wrong', `${vectors[1]?.[2]}, sha-512=:AAAA:`],
  ])('refuses %s [H-58] [N-034]', (_, value) => {
    expect((checkContentDigest(value, new Uint8Array(0)) as Refusal).code).toBe('invalid_signature')
  })

  it('says when it is in base64url', () => {
    const value = 'sha-256=:RK_0qy18MlBSVnWgjwz6lZEWjP_lF5HF9bvEF8FabDg=:'
    expect((checkContentDigest(value, Buffer.from(full)) as Refusal).details.detail).toContain('base64url')
  })

  it('names of algorithms come from strangers, and nothing is looked up but the two', () => {
    for (const name of ['constructor', 'tostring', '*proto', 'sha256', 'sha-384', 'shake128']) {
      expect(checkContentDigest(`${name}=:AAAA:`, new Uint8Array(0))).toBeDefined()
    }
  })
})

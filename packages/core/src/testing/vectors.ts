// RFC 9421, B.1.3 and B.1.4, with the fully specified `alg` that AAuth asks for.
export const testKeyEd25519 = {
  kty: 'OKP',
  crv: 'Ed25519',
  alg: 'Ed25519',
  kid: 'test-key-ed25519',
  d: 'n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU',
  x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs',
}

/** The request of RFC 9421, B.2 as Node would report it. */
export const requestB2 = {
  method: 'POST',
  authority: 'example.com',
  scheme: 'https',
  target: '/foo?param=Value&Pet=dog',
  rawHeaders: [
    'Host',
    'example.com',
    'Date',
    'Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type',
    'application/json',
    'Content-Digest',
    'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length',
    '18',
  ],
} as const

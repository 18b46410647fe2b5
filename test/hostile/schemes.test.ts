import { type Case, overSockets, served, signatureError } from './harness.js'

const unsupported = signatureError('unsupported_scheme')
const member = (ids: string, text: string, answer: Case['answer']): Case => ({
  ids,
  name: `Signature-Key: sig=${text}`,
  request: (world) => world.compose({ signatureKey: text }),
  answer,
  fetches: 0,
})
const hwk = 'hwk;kty="OKP";crv="Ed25519";alg="Ed25519";x="JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"'
const everywhere = 'R-051, R-054, R-063, K-007, K-121'

overSockets('schemes', {}, [
  member(`N-025, KN-058, ${everywhere}`, hwk, unsupported),
  member('KN-050, K-007', `${hwk};kid="a"`, unsupported),
  member(
    `N-026, ${everywhere}`,
    'jwks_uri;id="https://ps.example";dwk="aauth-person.json";kid="ps-1"',
    unsupported,
  ),
  member(`N-027, ${everywhere}`, 'jkt-jwt;jwt="a.b.c"', unsupported),
  member(`N-028, KN-062, ${everywhere}, R-069, K-101`, 'cached;cid="c-1"', unsupported),
  member(`N-029, KN-060, ${everywhere}`, 'made-up', unsupported),
  member(`KN-060, ${everywhere}`, 'foo;jwt="a.b.c"', unsupported),
  member(`${everywhere}`, 'jwks;url="https://ap.example/jwks.json";kid="ap-1"', unsupported),
  member(`${everywhere}`, 'self-jwt;jwt="a.b.c"', unsupported),
  member(`KN-063, HC-17, ${everywhere}`, 'x509;x5u="https://ap.example/chain.pem";x5t=:AAAA:', unsupported),
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty', '*', 'a:b/c'].map((scheme) =>
    // `__proto__` is no Token, so it never gets as far as being a scheme.
    member(
      'KN-061, HC-18, R-053, K-008',
      scheme,
      scheme.startsWith('_') ? signatureError('invalid_signature') : unsupported,
    ),
  ),
  member('KN-061', 'JWT;jwt="a.b.c"', unsupported),
  ...['jwt', 'jwt;jwt=a', 'jwt;jwt=:AAAA:', 'jwt;jwt', 'jwt;jwt=1', 'jwt;Jwt="a"', 'jwt;token="a"'].map(
    (text) =>
      member(
        'N-030, K-014',
        text,
        /Jwt/.test(text) ? signatureError('invalid_signature') : signatureError('invalid_jwt'),
      ),
  ),
  {
    ids: 'KN-064, HC-16, R-069, K-015, K-101',
    name: 'jwt with cache, which is not done here',
    request: async (world) => world.compose({ signatureKey: `jwt;jwt="${await world.grant()}";cache` }),
    answer: served,
    check: (response) => {
      if (response.headers.has('signature-key-cache')) throw new Error('a cid was given out')
    },
  },
  ...[';cache=?0', ';foo="bar"', ';use="sig"', ';x5t=:AAAA:', ';kid="none"'].map(
    (text): Case => ({
      ids: 'KN-057, K-015',
      name: `jwt with the parameter ${text}`,
      request: async (world) => world.compose({ signatureKey: `jwt;jwt="${await world.grant()}"${text}` }),
      answer: served,
    }),
  ),
])

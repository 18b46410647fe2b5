import { createKey } from '@countersign/devkit'
import { alter, base, type Case, type Draft, overSockets, served, signatureError } from './harness.js'

const refused = signatureError('invalid_signature')
const fine = (ids: string, name: string, draft: Draft): Case => ({
  ids,
  name,
  request: (world) => world.compose(draft),
  answer: served,
})
const withParameters = (ids: string, name: string, text: string): Case => ({
  ids,
  name,
  request: (world) => world.compose({ parameters: `;created=${world.now}${text}` }),
  answer: served,
})

overSockets('whatever RFC 9421 offers an agent', {}, [
  fine('HC-32, H-14', '@query', { target: '/data?a=1&b=%20x', components: [...base, '"@query"'] }),
  fine('HC-32, H-14', '@query without a query', { components: [...base, '"@query"'] }),
  fine('HC-32, H-14', '@query of a bare question mark', {
    target: '/data?',
    components: [...base, '"@query"'],
  }),
  fine('HC-32, H-14', 'raw quotes and braces in the query', {
    target: '/data?q="{a}|b"',
    components: [...base, '"@query"'],
  }),
  fine('HC-39, H-16, H-12', '@target-uri', { target: '/data?a=1', components: [...base, '"@target-uri"'] }),
  fine('HC-39, H-12, H-01', '@scheme over plain HTTP', { components: [...base, '"@scheme"'] }),
  fine('H-17', '@request-target', { target: '/data?a', components: [...base, '"@request-target"'] }),
  fine('H-15', '@query-param', {
    target: '/data?a=with+plus&b=%21x%27&empty=',
    components: [
      ...base,
      '"@query-param";name="a"',
      '"@query-param";name="b"',
      '"@query-param";name="empty"',
    ],
    values: {
      '"@query-param";name="a"': 'with%20plus',
      '"@query-param";name="b"': '%21x%27',
      '"@query-param";name="empty"': '',
    },
  }),
  fine('HC-09, H-31', 'two lines of a field, with other fields between them', {
    headers: [
      ['X-A', '  one,  two '],
      ['X-B', 'b'],
      ['x-a', '\tthree'],
    ],
    components: [...base, '"x-a"'],
  }),
  fine('HC-09, H-33', 'an empty field', { headers: [['X-Empty', '']], components: [...base, '"x-empty"'] }),
  fine('H-30', 'a field in an odd case', { headers: [['x-ODD', 'a']], components: [...base, '"x-odd"'] }),
  fine('H-34', 'sf', {
    headers: [['Priority', 'u=1,   i']],
    components: [...base, '"priority";sf'],
    values: { '"priority";sf': 'u=1, i' },
  }),
  fine('H-35', 'key', {
    headers: [['Priority', 'u=1, i']],
    components: [...base, '"priority";key="u"', '"priority";key="i"'],
    values: { '"priority";key="u"': '1', '"priority";key="i"': '?1' },
  }),
  fine('H-36', 'bs, line by line', {
    headers: [
      ['X-A', ' one'],
      ['X-A', 'two, 2'],
    ],
    components: [...base, '"x-a";bs'],
    values: { '"x-a";bs': ':b25l:, :dHdvLCAy:' },
  }),
  fine('H-40', 'one name with different parameters', {
    headers: [['Priority', 'u=1']],
    components: [...base, '"priority"', '"priority";bs', '"priority";key="u"'],
    values: { '"priority";bs': ':dT0x:', '"priority";key="u"': '1' },
  }),
  fine('H-40', 'components in another order', { components: [...base].reverse() }),
  fine('H-50', 'another label', { label: 'agent-1*' }),
  withParameters('R-041, K-011', 'keyid that names another key', ';keyid="somebody-else"'),
  withParameters('KN-045, HC-24, R-040, K-036', 'alg of another namespace', ';alg="hmac-sha256"'),
  withParameters('R-040, K-036', 'alg of the JOSE registry that is not the key’s', ';alg="ES256"'),
  withParameters(
    'H-52',
    'nonce, tag and parameters nobody knows',
    ';nonce="n";tag="t";x=tok;y=:AAAA:;z;d=1.5',
  ),
  {
    ids: 'HC-26, H-52',
    name: 'other spacing than the canonical',
    request: async (world) =>
      alter(await world.compose({ parameters: `;created=${world.now};x=tok` }), 'signature-input', (value) =>
        value.replace('(', '(  ').replace(')', '   )').replaceAll(';', ';  ').replaceAll('" "', '"   "'),
      ),
    answer: served,
  },
  fine('HC-25, H-04', 'bytes beyond ASCII in a field that is not covered', {
    headers: [['X-Name', 'caf\u00e9']],
  }),
  {
    ids: 'HC-25, H-04',
    name: 'bytes beyond ASCII in a field that is covered',
    request: (world) =>
      world.compose({ headers: [['X-Name', 'caf\u00e9']], components: [...base, '"x-name"'] }),
    answer: refused,
  },
  {
    ids: 'R-033, R-032, H-61, K-024',
    name: 'an agent that signs with ES256',
    request: async (world) => {
      const key = createKey('ES256')
      return world.compose({ key, token: await world.grant({ claims: { cnf: { jwk: key.cnf } } }) })
    },
    answer: served,
  },
  {
    ids: 'KN-012, HC-14, HC-15, R-052, K-005, K-006, K-001, K-003, K-010',
    name: 'an earlier label under a scheme nobody knows',
    request: (world) => world.composeSeveral([{ label: 'a', signatureKey: 'made-up;x=1' }, { label: 'b' }]),
    answer: served,
  },
  {
    ids: 'HC-14, K-006, R-052',
    name: 'a later label under a scheme nobody knows',
    request: (world) =>
      world.composeSeveral([{ label: 'a' }, { label: 'b', signatureKey: 'x509;x5t=:AAAA:' }]),
    answer: served,
  },
  {
    ids: 'HC-15, K-010, H-55',
    name: 'two good signatures',
    request: (world) => world.composeSeveral([{ label: 'a' }, { label: 'b' }]),
    answer: served,
  },
  {
    ids: 'KN-013, HC-14, K-005',
    name: 'another label with component parameters nobody knows and without created',
    request: async (world) =>
      alter(
        alter(
          await world.compose(),
          'signature-input',
          (value) => `${value}, x=("a";odd=1 "@nonsense");tag="t"`,
        ),
        'signature',
        (value) => `${value}, x=:AAAA:`,
      ),
    answer: served,
  },
  {
    ids: 'K-001, H-31, H-50',
    name: 'two labels, each on lines of its own',
    request: async (world) => {
      const request = await world.composeSeveral([{ label: 'a' }, { label: 'b' }])
      const headers = request.headers.flatMap(([name, value]) =>
        /^Signature/.test(name)
          ? value.split(/, (?=[ab]=)/).map((line) => [name, line] as const)
          : [[name, value] as const],
      )
      return { ...request, headers }
    },
    answer: served,
  },
  {
    ids: 'HC-12, K-005',
    name: 'another label that only Signature-Input has',
    request: async (world) =>
      alter(await world.compose(), 'signature-input', (value) => `x=("@method"), ${value}`),
    answer: served,
  },
])

overSockets('what was signed is not what was sent', {}, [
  {
    ids: 'N-031, KN-089, R-061, K-088',
    name: 'a signature by another key',
    request: (world) => world.compose({ key: createKey() }),
    answer: refused,
  },
  {
    ids: 'N-032, H-10',
    name: 'another method',
    request: async (world) => ({ ...(await world.compose()), method: 'DELETE' }),
    answer: refused,
  },
  {
    ids: 'N-032',
    name: 'another path',
    request: async (world) => ({ ...(await world.compose()), target: '/person' }),
    answer: refused,
  },
  {
    ids: 'HC-35, R-024, H-01',
    name: 'signed for another authority, which Host names as well',
    request: (world) =>
      world.compose({ host: [['Host', 'other.example']], values: { '"@authority"': 'other.example' } }),
    answer: refused,
    fetches: 0,
  },
  {
    ids: 'HC-37, H-01',
    name: 'signed for another authority, which forwarding fields name',
    request: (world) =>
      world.compose({
        headers: [
          ['X-Forwarded-Host', 'other.example'],
          ['Forwarded', 'host=other.example'],
          ['X-Forwarded-Proto', 'http'],
        ],
        values: { '"@authority"': 'other.example' },
      }),
    answer: refused,
  },
  ...[
    ['RS.example', 'HC-38, H-11'],
    ['rs.example:443', 'HC-38, H-11'],
    ['rs.example:80', 'HC-38, H-11'],
    ['rs.example:', 'HC-38, H-11'],
    ['rs.example.', 'HC-38, H-11'],
  ].map(
    ([authority = '', ids = '']): Case => ({
      ids,
      name: `signed for ${authority}, which is not the canonical authority`,
      request: (world) => world.compose({ values: { '"@authority"': authority } }),
      answer: refused,
    }),
  ),
  {
    ids: 'HC-38, H-11, H-01',
    name: 'Host in another case and with the default port: the authority is configuration',
    request: (world) => world.compose({ host: [['Host', 'RS.example:443']] }),
    answer: served,
  },
  {
    ids: 'KN-046, K-036',
    name: 'alg of Signature-Input taken away after signing',
    request: (world) =>
      world.compose({ signedParameters: `(${base.join(' ')});created=${world.now};alg="ed25519"` }),
    answer: refused,
  },
  {
    ids: 'H-52, H-40',
    name: 'components in another order than signed',
    request: (world) =>
      world.compose({ signedParameters: `(${[...base].reverse().join(' ')});created=${world.now}` }),
    answer: refused,
  },
  {
    ids: 'HC-10, H-31',
    name: 'a second Authorization line beside the one that was signed',
    request: async (world) => {
      const request = await world.compose({
        headers: [['Authorization', 'AAuth abc']],
        components: [...base, '"authorization"'],
      })
      return { ...request, headers: [...request.headers, ['authorization', 'AAuth def']] }
    },
    answer: refused,
  },
  {
    ids: 'HC-10, H-31',
    name: 'a second Content-Type line beside the one that was signed',
    request: async (world) => {
      const request = await world.compose({
        headers: [['Content-Type', 'text/plain']],
        components: [...base, '"content-type"'],
      })
      return { ...request, headers: [...request.headers, ['Content-Type', 'text/html']] }
    },
    answer: refused,
  },
  {
    ids: 'HC-09, H-31',
    name: 'inner spaces of a covered field closed up',
    request: async (world) =>
      alter(
        await world.compose({ headers: [['X-A', 'a  b']], components: [...base, '"x-a"'] }),
        'x-a',
        () => 'a b',
      ),
    answer: refused,
  },
])

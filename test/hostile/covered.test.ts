import { base, type Case, type Draft, invalidInput, overSockets, served, signatureError } from './harness.js'

const refused = signatureError('invalid_signature')
const covering = (
  ids: string,
  components: readonly string[],
  answer: Case['answer'],
  draft: Draft = {},
): Case => ({
  ids,
  name: `covering ${components.join(' ')}`,
  request: (world) => world.compose({ ...draft, components }),
  answer,
  fetches: 0,
})
const instead = (name: string, replacement: string): readonly string[] =>
  base.map((component) => (component === name ? replacement : component))

overSockets('what a signature covers', {}, [
  ...base.map((missing, i) =>
    covering(
      `${['N-010, KN-017', 'N-011, KN-017', 'N-012, KN-017', 'N-013, KN-014, R-045, K-009'][i]}, R-044, R-049, R-065, K-133, H-54`,
      base.filter((component) => component !== missing),
      invalidInput(),
    ),
  ),
  covering('HC-01, R-044', ['"signature-key"'], invalidInput()),
  covering('HC-01, R-044', [], invalidInput()),
  covering(
    'N-016, KN-019, HC-02, H-41',
    instead('"signature-key"', '"signature-key";key="sig"'),
    invalidInput(),
  ),
  covering('N-016, KN-020, HC-02, H-38, H-41', instead('"@method"', '"@method";req'), invalidInput()),
  covering('N-016, H-41', instead('"@path"', '"@path";bs'), invalidInput()),
  covering('N-016, H-41', instead('"signature-key"', '"signature-key";sf'), invalidInput()),
  covering('N-017, HC-03, H-40', [...base, '"@path"'], refused),
  covering('N-017, HC-03, H-40', [...base, '"signature-key"'], refused),
  covering('H-40', [...base, '"x";bs;sf', '"x";sf;bs'], refused, { headers: [['X', 'a']] }),
  covering('HC-04, H-19', [...base, '"@signature-params"'], refused),
  covering('HC-05, H-30', [...base, '"Host"'], refused),
  covering('HC-06, H-39', [...base, '"host";odd'], refused),
  covering('HC-06, H-39', [...base, '"@query";odd'], refused),
  covering('HC-07, H-37', [...base, '"host";tr'], refused),
  covering('HC-08, H-33', [...base, '"x-absent"'], refused),
  covering('H-18', [...base, '"@status"'], refused),
  covering('H-20, H-02', [...base, '"@nonsense"'], refused, { values: { '"@nonsense"': '' } }),
  covering('H-02', [...base, '"@host"'], refused, { values: { '"@host"': 'rs.example' } }),
  covering('H-38', [...base, '"host";req'], refused, { values: { '"host";req': 'rs.example' } }),
  covering('H-34', [...base, '"host";sf'], refused, { values: { '"host";sf': 'rs.example' } }),
  covering('H-35', [...base, '"x";key="b"'], refused, {
    headers: [['X', 'a=1']],
    values: { '"x";key="b"': '' },
  }),
  covering('H-35', [...base, '"x";key="a"'], refused, {
    headers: [['X', '"a"']],
    values: { '"x";key="a"': '' },
  }),
  covering('H-36', [...base, '"x";bs;key="a"'], refused, { headers: [['X', 'a=1']] }),
  covering('H-15', [...base, '"@query-param"'], refused, { target: '/data?a=1' }),
  covering('H-15', [...base, '"@query-param";name="b"'], refused, { target: '/data?a=1' }),
  covering('H-15', [...base, '"@query-param";name="a"'], refused, {
    target: '/data?a=1&a=1',
    values: { '"@query-param";name="a"': '1' },
  }),
  {
    ids: 'N-015, R-048',
    name: 'a session token that is not covered',
    request: (world) => world.compose({ headers: [['Authorization', 'AAuth abc']] }),
    answer: invalidInput('authorization'),
  },
  {
    ids: 'KN-015',
    name: 'two labels: the one in use leaves out signature-key, the other covers it',
    request: (world) => world.composeSeveral([{ label: 'a', components: base.slice(0, 3) }, { label: 'b' }]),
    answer: invalidInput(),
  },
  {
    ids: 'HC-13, H-55',
    name: 'two labels: the one in use does not verify, the other does',
    request: async (world) => {
      const victim = world.town.agent('victim')
      const token = await world.grant({ claims: { cnf: { jwk: victim.key.cnf } } })
      return world.composeSeveral([{ label: 'a', token }, { label: 'b' }])
    },
    answer: refused,
  },
])

const announced = ['@query', 'x-trace', 'content-type', 'content-digest']

overSockets(
  'components that the resource has announced',
  { options: { additionalSignatureComponents: announced }, prepare: async () => {} },
  [
    covering('N-014, KN-018, R-011, R-044', base, invalidInput('@query', 'x-trace')),
    covering('N-014, R-011', [...base, '"@query"'], invalidInput('@query', 'x-trace')),
    {
      ids: 'N-014, KN-018, R-044',
      name: 'content whose digest is not covered',
      request: (world) =>
        world.compose({
          method: 'POST',
          body: '{}',
          components: [...base, '"@query"', '"x-trace"'],
          headers: [['X-Trace', '1']],
        }),
      answer: invalidInput(...announced),
    },
    {
      ids: 'R-011, R-342',
      name: 'everything announced is covered; what only content has is not asked for without content',
      request: (world) =>
        world.compose({
          target: '/data?a',
          components: [...base, '"@query"', '"x-trace"'],
          headers: [['X-Trace', '1']],
        }),
      answer: served,
    },
  ],
)

overSockets('components that nobody has announced', {}, [
  {
    ids: 'HC-84, R-047, R-342',
    name: 'query and content are not covered, and nobody asked',
    request: async (world) =>
      world.compose({
        method: 'POST',
        target: '/data?a=1',
        body: '{}',
        token: await world.grant({ claims: { scope: 'data.write' } }),
      }),
    answer: served,
  },
])

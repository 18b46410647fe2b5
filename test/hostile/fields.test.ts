import { expect } from 'vitest'
import { alter, asksUnsigned, type Case, overSockets, served, signatureError, without } from './harness.js'
import { base } from './sign.js'

const refused = signatureError('invalid_signature')
const unsigned = { method: 'GET', headers: [['Host', 'rs.example']] } as const

/** A case that alters one field of an honest request. */
const altered = (
  ids: string,
  name: string,
  field: string,
  change: (value: string) => string | undefined,
  answer: Case['answer'] = refused,
): Case => ({ ids, name, request: async (world) => alter(await world.compose(), field, change), answer })

/** A case about the parameters of Signature-Input, honestly signed. */
const parameters = (
  ids: string,
  name: string,
  text: (now: number) => string,
  answer: Case['answer'] = refused,
): Case => ({
  ids,
  name,
  request: (world) => world.compose({ parameters: text(world.now) }),
  answer,
})

overSockets('which fields and labels', {}, [
  { ids: 'R-042', name: 'an honest request', request: (world) => world.compose(), answer: served },
  ...[
    ['N-001, KN-001', 'signature'],
    ['N-002, KN-002', 'signature-input'],
  ].map(
    ([ids = '', field = '']): Case => ({
      ids: `${ids}, HC-87, R-043`,
      name: `no ${field}`,
      request: async (world) => without(await world.compose(), field),
      answer: refused,
      fetches: 0,
    }),
  ),
  ...['-', '_'].map(
    (character): Case => ({
      ids: 'N-007, KN-004',
      name: `a Signature in base64url, which has ${character}`,
      request: async (world) =>
        alter(
          await world.compose(),
          'signature',
          (text) => `${text.slice(0, 8)}${character}${text.slice(9)}`,
        ),
      answer: refused,
      check: ({ body }) => expect(JSON.parse(body).detail).toContain('base64url'),
    }),
  ),
  {
    ids: 'KN-004',
    name: 'a Signature that is no signature in either',
    request: async (world) => alter(await world.compose(), 'signature', () => 'sig=:AA-_:'),
    answer: refused,
  },
  {
    ids: 'H-35',
    name: 'a Decimal among the parameters',
    request: (world) => world.compose({ parameters: `;created=${world.now};x=1.0` }),
    answer: served,
  },
  ...(
    [
      ['"priority";sf', 'Priority', 'u=1.00,  i', 'u=1.0, i'],
      ['"example";key="a"', 'Example', 'b=2, a=1.0;x=-0.0', '1.0;x=0.0'],
    ] as const
  ).map(
    ([component, field, text, value]): Case => ({
      ids: 'H-35',
      name: `a Decimal in a covered field: ${component}`,
      request: (world) =>
        world.compose({
          headers: [[field, text]],
          components: [...base, component],
          values: { [component]: value },
        }),
      answer: served,
    }),
  ),
  {
    ids: 'N-004, R-152',
    name: 'no field at all where an agent is wanted',
    request: () => ({ ...unsigned, target: '/agent' }),
    answer: asksUnsigned('agent-token'),
  },
  {
    ids: 'N-005, R-153',
    name: 'no field at all where a person is wanted',
    request: () => ({ ...unsigned, target: '/person' }),
    answer: asksUnsigned('person-token'),
  },
  {
    ids: 'R-156',
    name: 'no field at all where a grant is wanted',
    request: () => ({ ...unsigned, target: '/data' }),
    answer: asksUnsigned('person-token'),
  },
  altered('N-006', 'Signature-Input that is no Dictionary', 'signature-input', (value) => value.slice(3)),
  altered(
    'N-006, H-60',
    'Signature-Input with an open quote',
    'signature-input',
    (value) => `${value};tag="x`,
  ),
  ...['sig=', 'Sig=jwt', 'sig=jwt,', '"sig"', '=jwt', 'sig=jwt;jwt="a', 'sig=jwt;jwt="\u00e9"'].map((text) =>
    altered('N-007, KN-004, K-002, H-60', `Signature-Key: ${text}`, 'signature-key', () => text),
  ),
  altered('N-006', 'an empty Signature-Input', 'signature-input', () => ''),
  altered(
    'N-008, KN-005, HC-12, R-052, K-004',
    'Signature-Key only for another label',
    'signature-key',
    (value) => value.replace(/^sig/, 'other'),
  ),
  altered('N-009, KN-006, HC-12, H-50', 'Signature only for another label', 'signature', (value) =>
    value.replace(/^sig/, 'other'),
  ),
  ...['sig=(jwt)', 'sig="jwt"', 'sig', 'sig=1', 'sig=:AAAA:', 'sig=?1'].map((text) =>
    altered('KN-007, K-013', `Signature-Key: ${text}`, 'signature-key', () => text),
  ),
  ...['sig="a"', 'sig=a', 'sig', 'sig=:AAAA:', 'sig=1'].map((text) =>
    altered('KN-008', `Signature-Input: ${text}`, 'signature-input', () => text),
  ),
  ...[0, 1, 63, 65, 128].map((length) =>
    altered(
      'KN-009, HC-27, H-61',
      `a signature of ${length} bytes`,
      'signature',
      () => `sig=:${Buffer.alloc(length, 7).toString('base64')}:`,
    ),
  ),
  ...['sig="AAAA"', 'sig=AAAA', 'sig=()', 'sig'].map((text) =>
    altered('KN-009, HC-27, H-57', `Signature: ${text}`, 'signature', () => text),
  ),
  altered(
    'KN-010, HC-11, H-51',
    'the label twice in Signature-Input',
    'signature-input',
    (value) => `sig=("@method");created=1, ${value}`,
  ),
  altered('HC-11, H-51', 'the label twice in Signature', 'signature', (value) => `sig=:AAAA:, ${value}`),
  altered('HC-11, H-51', 'the label twice in Signature-Key', 'signature-key', (value) => `sig=hwk, ${value}`),
  {
    ids: 'KN-010, H-51',
    name: 'the label on two lines, the later one covering less',
    request: async (world) => {
      const request = await world.compose()
      return { ...request, headers: [...request.headers, ['Signature-Input', `sig=();created=${world.now}`]] }
    },
    answer: refused,
  },
  {
    ids: 'KN-016, K-010',
    name: 'a member of Signature-Key added after signing',
    request: async (world) => alter(await world.compose(), 'signature-key', (value) => `${value}, x=hwk`),
    answer: refused,
  },
])

overSockets('time', {}, [
  parameters('N-018, KN-021, HC-19, R-070', 'no created', () => ''),
  parameters('N-019, KN-022, HC-20, H-53', 'created as a String', (now) => `;created="${now}"`),
  parameters('N-019, KN-022, HC-20, H-53', 'created as a Decimal', (now) => `;created=${now}.0`),
  parameters('N-019, KN-022, HC-20', 'created as a fraction', (now) => `;created=${now}.5`),
  parameters('KN-022, HC-20', 'created as a Boolean', () => ';created'),
  parameters('KN-022, HC-20', 'created as a Date', (now) => `;created=@${now}`),
  parameters('KN-022', 'created as a Token', () => ';created=now'),
  parameters('KN-011, HC-11', 'created twice, the later one fresh', (now) => `;created=1;created=${now}`),
  parameters(
    'N-020, KN-023, HC-22, R-050, R-071, K-134',
    'created 61 s ago',
    (now) => `;created=${now - 61}`,
  ),
  parameters('HC-22, R-050', 'created 120 s ago', (now) => `;created=${now - 120}`),
  parameters('HC-21, R-050', 'created a day ago', (now) => `;created=${now - 86_400}`),
  parameters('HC-21', 'created before time began', () => ';created=-1'),
  parameters(
    'N-021, KN-024, HC-86, R-050, K-134',
    'created 61 s ahead',
    (now) => `;created=${now + 61}`,
    signatureError('clock_skew'),
  ),
  parameters('HC-21', 'created far ahead', (now) => `;created=${now * 2}`, signatureError('clock_skew')),
  parameters('KN-025, R-050', 'created 60 s ago, the edge', (now) => `;created=${now - 60}`, served),
  parameters('KN-025, R-050', 'created 60 s ahead, the edge', (now) => `;created=${now + 60}`, served),
  parameters(
    'N-022, KN-026, HC-23, R-072',
    'expires a second ago',
    (now) => `;created=${now};expires=${now - 1}`,
  ),
  parameters('N-022, R-072', 'expires now', (now) => `;created=${now};expires=${now}`),
  parameters('KN-027, H-53', 'expires as a String', (now) => `;created=${now};expires="${now + 9}"`),
  parameters('KN-027, H-53', 'expires as a Decimal', (now) => `;created=${now};expires=${now + 9}.0`),
  parameters('R-072', 'expires ahead', (now) => `;created=${now};expires=${now + 1}`, served),
  {
    ids: 'N-024, R-042',
    name: 'a stale signature and a token that is none: the earlier step answers',
    request: (world) => world.compose({ parameters: ';created=1', token: 'none' }),
    answer: refused,
    fetches: 0,
  },
  {
    ids: 'N-023, R-042',
    name: 'too little covered and a scheme that is made up: the earlier step answers',
    request: (world) => world.compose({ components: base.slice(1), signatureKey: 'made-up' }),
    answer: {
      ...signatureError('invalid_input'),
      signatureError: 'error=invalid_input, required_input=("@method" "@authority" "@path" "signature-key")',
    },
  },
])

overSockets('a captured request', { fresh: true }, [
  {
    ids: 'N-036, R-071',
    name: 'replayed after the window',
    request: async (world) => {
      const request = await world.compose()
      world.advance(61)
      return request
    },
    answer: refused,
  },
])

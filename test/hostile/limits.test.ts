import { base, type Case, overSockets, problem, served, signatureError, type World } from './harness.js'

const tooLong = signatureError('invalid_signature')
const badToken = signatureError('invalid_jwt')

/** `Signature-Input` of exactly this many characters. */
const input = (length: number, answer: Case['answer']): Case => ({
  ids: 'H-62',
  name: `Signature-Input of ${length} characters`,
  request: (world) => {
    const bare = `sig=(${base.join(' ')});created=${world.now};nonce=""`.length
    return world.compose({ parameters: `;created=${world.now};nonce="${'n'.repeat(length - bare)}"` })
  },
  answer,
})
/** `Signature-Key` of exactly this many characters, most of them a parameter nobody knows. */
const key = (length: number, answer: Case['answer']): Case => ({
  ids: 'H-62',
  name: `Signature-Key of ${length} characters`,
  request: async (world) => {
    const member = `jwt;jwt="${await world.grant()}";pad=""`
    const pad = 'p'.repeat(length - `sig=${member}`.length)
    return world.compose({ signatureKey: member.replace('pad=""', `pad="${pad}"`) })
  },
  answer,
})
const components = (count: number, answer: Case['answer']): Case => ({
  ids: 'H-62',
  name: `${count} covered components`,
  request: (world) => {
    const names = Array.from({ length: count - base.length }, (_, i) => `x${i}`)
    return world.compose({
      headers: names.map((name) => [name, '1'] as const),
      components: [...base, ...names.map((name) => `"${name}"`)],
    })
  },
  answer,
})
const claims = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, i]))
/** One line more of a field, so that it has more pieces than a field may have. */
const pieces = (field: string, name: string, line: string): Case => ({
  ids: 'H-62',
  name: `${field} with ${name}`,
  request: async (world) => {
    const request = await world.compose()
    return { ...request, headers: [...request.headers, [field, line]] }
  },
  answer: tooLong,
})
const grant = (name: string, claims: (world: World) => object, answer: Case['answer']): Case => ({
  ids: 'H-62, R-330',
  name,
  request: async (world) => world.compose({ token: await world.grant({ claims: { ...claims(world) } }) }),
  answer,
})

overSockets('limits of a request', {}, [
  input(2048, served),
  input(2049, tooLong),
  key(12_288, served),
  key(12_289, tooLong),
  components(32, served),
  components(33, tooLong),
  {
    ids: 'H-62',
    name: 'a Signature beyond 1024 characters',
    request: async (world) => {
      const request = await world.compose()
      return { ...request, headers: [...request.headers, ['Signature', `x=:${'A'.repeat(1024)}:`]] }
    },
    answer: tooLong,
  },
  grant('a jti of 512 characters', () => ({ jti: 'j'.repeat(512) }), served),
  grant('a jti of 513 characters', () => ({ jti: 'j'.repeat(513) }), badToken),
  grant('a token of nearly 12 KiB', () => ({ pad: 'p'.repeat(8500) }), served),
  grant('a hundred claims more than usual', () => claims(100), served),
  grant('a hundred and thirty claims', () => claims(130), badToken),
  grant('four hundred groups', () => ({ groups: new Array(400).fill('g') }), served),
  grant('five hundred and twelve groups', () => ({ groups: new Array(512).fill('g') }), badToken),
  grant('claims of thousands of small things', () => ({ small: new Array(2500).fill({}) }), badToken),
  {
    ids: 'H-62, R-330',
    name: 'a kid of 1025 characters',
    request: async (world) =>
      world.compose({ token: await world.grant({ header: { kid: 'k'.repeat(1025) } }) }),
    answer: badToken,
    fetches: 0,
  },
  ...['Signature-Input', 'Signature', 'Signature-Key'].flatMap((field): Case[] => [
    pieces(field, 'a list of three hundred items', `more=(${'1 '.repeat(299)}1)`),
    pieces(field, 'three hundred parameters', `more=1${';a'.repeat(300)}`),
    pieces(field, 'a hundred empty lists', Array.from({ length: 100 }, (_, i) => `m${i}=()`).join(',')),
    pieces(field, 'a label of 1100 characters', `${'m'.repeat(1100)}=1`),
  ]),
  {
    ids: 'H-62',
    name: 'a covered member of a field of three hundred members',
    request: (world) =>
      world.compose({
        headers: [['X-Many', `a=1${Array.from({ length: 300 }, (_, i) => `,m${i}`).join('')}`]],
        components: [...base, '"x-many";key="a"'],
        values: { '"x-many";key="a"': '1' },
      }),
    answer: tooLong,
  },
])

overSockets(
  'limits that the operator has narrowed',
  { options: { limits: { token: 1500, body: 8 } }, prepare: async () => {} },
  [
    {
      ids: 'H-62',
      name: 'a token beyond the limit',
      request: async (world) =>
        world.compose({ token: await world.grant({ claims: { pad: 'p'.repeat(1200) } }) }),
      answer: badToken,
      fetches: 0,
    },
    {
      ids: 'H-62',
      name: 'content beyond the limit whose digest is covered',
      request: async (world) => {
        const token = await world.grant({ claims: { scope: 'data.write', cnf: { jwk: world.key.cnf } } })
        return world.compose({
          method: 'POST',
          body: '123456789',
          token,
          headers: [['Content-Digest', 'sha-256=:FeKw8S+LqUSAJ5b9ceMm9iPzmk+W+bcNzmmvpEI9C5s=:']],
          components: [...base, '"content-digest"'],
        })
      },
      answer: problem(413, 'content_too_large'),
    },
  ],
)

const reflected = ['"quotes"', '\\', 'a, error=x', ';x=1', '\u00e9\u00ff', 'x'.repeat(8000)]

overSockets('a stranger’s text in our answers', {}, [
  ...reflected.flatMap((text): Case[] => [
    {
      ids: 'KN-143, HC-93, R-330, R-065',
      name: `in a claim’s place: ${text.slice(0, 12)}`,
      request: async (world) =>
        world.compose({ token: await world.grant({ claims: { [text.slice(0, 99)]: 1, dwk: text } }) }),
      answer: badToken,
      check: ({ headers, body }) => {
        if (body.length > 1000 || (text.length > 1 && JSON.stringify([...headers]).includes(text)))
          throw new Error('reflected')
      },
    },
  ]),
])

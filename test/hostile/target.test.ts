import {
  type Answer,
  base,
  type Case,
  overSockets,
  problem,
  type RawRequest,
  served,
  signatureError,
} from './harness.js'

const malformed = problem(400, 'invalid_request')
/** Answered by Node itself, before any of this. */
const byNode: Answer = { status: 400, ran: 0 }
const noRoute: Answer = { status: 404, ran: 0 }

const sent = (
  ids: string,
  name: string,
  change: (request: RawRequest) => RawRequest,
  answer: Case['answer'],
): Case => ({
  ids,
  name,
  request: async (world) => change(await world.compose()),
  answer,
  fetches: 0,
})
const target = (ids: string, text: string, answer: Case['answer']): Case =>
  sent(ids, `signed for /data, sent to ${text}`, (request) => ({ ...request, target: text }), answer)
const host = (ids: string, name: string, lines: readonly string[], answer: Case['answer']): Case => ({
  ids,
  name,
  request: (world) => world.compose({ host: lines.map((line) => ['Host', line] as const) }),
  answer,
  fetches: 0,
})
const line = (ids: string, name: string, field: readonly [string, string], answer: Case['answer']): Case =>
  sent(ids, name, (request) => ({ ...request, headers: [...request.headers, field] }), answer)

const unverified = signatureError('invalid_signature')

overSockets('request targets', {}, [
  target('HC-36, H-21', 'http://rs.example/data', malformed),
  target('HC-36, H-21', 'https://evil.example/data', malformed),
  target('HC-36, H-21', '/data#x', malformed),
  target('HC-36, H-21', '*', noRoute),
  target('HC-30, H-13, HC-121', '/person/../data', noRoute),
  target('HC-30, H-13, HC-121', '/./data', noRoute),
  target('HC-30, H-13', '//x/data', noRoute),
  target('HC-30, H-13', '/data\\', noRoute),
  target('HC-30, H-13', '/%2e%2e/data', noRoute),
  // Where a framework is generous about paths, the signature is not.
  target('HC-30, H-13, H-05', '/data/', (world) => (world.adapter === 'fastify' ? noRoute : unverified)),
  target('HC-30, H-13, H-05', '/DATA', (world) => (world.adapter === 'fastify' ? noRoute : unverified)),
  target('HC-30, H-13, H-05, HC-121', '/%64ata', (world) =>
    world.adapter === 'fastify' ? unverified : noRoute,
  ),
  {
    ids: 'HC-31, H-13, H-14',
    name: 'a query of characters that URL parsers rewrite',
    request: (world) =>
      world.compose({ target: '/data?{a}|\\^`[x]%7E%zz', components: [...base, '"@query"'] }),
    answer: served,
  },
])

overSockets('Host and methods', {}, [
  host('HC-36, H-11', 'two Host lines', ['rs.example', 'evil.example'], malformed),
  host('HC-36, H-11', 'two equal Host lines', ['rs.example', 'rs.example'], malformed),
  host('HC-36, H-11', 'Host with userinfo', ['user@rs.example'], malformed),
  host('HC-36, H-11', 'Host with a path', ['rs.example/x'], malformed),
  host('HC-36, H-11', 'a list of hosts', ['rs.example, evil.example'], malformed),
  host('HC-36, H-11', 'an empty Host', [''], malformed),
  host('H-11', 'no Host', [], byNode),
  sent('HC-33, H-10', 'the method in lower case', (request) => ({ ...request, method: 'get' }), byNode),
  sent('N-032, H-10', 'HEAD instead of the signed GET', (request) => ({ ...request, method: 'HEAD' }), {
    status: 401,
    signatureError: 'error=invalid_signature',
    ran: 0,
  }),
])

overSockets('field lines that are none', {}, [
  line('H-32', 'a folded line', ['X-A', 'a\r\n b'], byNode),
  line('H-32', 'a bare line feed', ['X-A', 'a\nX-B: b'], byNode),
  line('H-03', 'a NUL', ['X-A', 'a\0b'], byNode),
  line('H-02', 'a field named @method', ['@method', 'GET'], byNode),
  line('H-60', 'a space before the colon', ['X-A ', 'a'], byNode),
  line('H-62', 'more than the 16 KiB of fields that Node reads', ['X-A', 'a'.repeat(17_000)], {
    status: 431,
    ran: 0,
  }),
  line(
    'HC-40, H-01',
    'identity fields of the client’s own invention',
    ['X-AAuth-Person', 'somebody-else'],
    served,
  ),
])

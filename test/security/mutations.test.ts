import { connect } from 'node:net'
import type { AAuthEvent } from '@countersign/core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toBytes } from '../hostile/wire.js'
import { countHandlers, World } from '../hostile/world.js'
import { adapters } from '../target/start.js'

/** Writes bytes, says that there will be no more, and reads whatever comes back. */
function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}

/** One change somewhere in the request: text put in, taken out, or said twice. */
interface Mutation {
  readonly at: number
  readonly remove: number
  readonly insert: string
  readonly repeat: boolean
}

const pieces = fc.oneof(
  fc.constantFrom(
    ...[
      '"',
      '\\',
      '%"',
      ';',
      ',',
      '(',
      ')',
      '=',
      ' ',
      '\t',
      ':',
      '@',
      '?',
      '#',
      '\r\n',
      '\n',
      '\0',
      '\x7f',
      '\xe9',
    ],
    ...[
      'sig',
      ';created=1',
      ';key="sig"',
      ';sf',
      ';bs',
      ';tr',
      '"@query-param";name="a"',
      '"host"',
      'jwt',
      '..',
      '//',
    ],
    ...[
      '\r\nHost: evil.example',
      '\r\nSignature: sig=:AA==:',
      '\r\nContent-Length: 1',
      '\r\nTransfer-Encoding: chunked',
    ],
    ...[
      '\r\nAuthorization: AAuth x',
      '\r\nExpect: 100-continue',
      '\r\nUpgrade: h2c',
      '\r\nPrefer: wait=9',
      'HEAD',
      '%2f',
    ],
  ),
  fc.string({ maxLength: 3 }),
)
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.integer({ min: 0, max: 9999 }),
  remove: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.nat(3) },
    fc.nat(200),
  ),
  insert: pieces,
  repeat: fc.boolean(),
})

function mutate(text: string, { at, remove, insert, repeat }: Mutation): string {
  const start = Math.floor((at / 10_000) * text.length)
  const taken = text.slice(start, start + remove)
  return text.slice(0, start) + insert + (repeat ? taken + taken : '') + text.slice(start + remove)
}

// What a signature says in other words: spaces between, zeros before a number.
function signedParts(text: string): string[] {
  return text
    .replace(/^(?:\r?\n)+/, '')
    .split('\r\n')
    .filter((line, i) => i === 0 || /^signature-(?:input|key)[ \t]*:/i.test(line))
    .map((line) =>
      line
        .toLowerCase()
        .replace(/[ \t]/g, '')
        .replace(/=0+(?=[0-9])/g, '='),
    )
}

const runs = Number(process.env['FUZZ_RUNS'] ?? 60)

describe.each(adapters)('requests that have been tampered with anywhere [adapter %s]', (adapter) => {
  const handlers = countHandlers()
  const failures: AAuthEvent[] = []
  let world: World
  beforeAll(async () => {
    const onEvent = (event: AAuthEvent): void => {
      if (event.name === 'refused' && event.family === 'ours') failures.push(event)
    }
    world = await World.open(adapter, { onEvent })
    await world.send(await world.compose())
  })
  afterAll(() => world.close())

  it('are answered, never with a failure of ours, and serve nobody twice', async () => {
    const honest = toBytes(await world.compose({ headers: [['Content-Digest', 'sha-256=:AA==:']] }))
    let sent = 0
    handlers.reset()
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const text = mutations.reduce(mutate, honest.toString('latin1'))
        const answer = await exchange(world.target.port, Buffer.from(text, 'latin1'))
        const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'none'
        if (status === '200') expect(signedParts(text)).toEqual(signedParts(honest.toString('latin1')))
        expect(failures).toEqual([])
        expect(Number(status) < 500 || status === 'none' || status === '505' || status === '501').toBe(true)
        // Together, since the handler of a request whose connection broke may run later.
        expect(handlers.count()).toBeLessThanOrEqual(++sent)
        // Nothing of what was sent comes back as bytes that a field may not hold.
        expect(answer.split('\r\n\r\n', 1)[0]).toMatch(/^[\x20-\x7e\r\n]*$/)
      }),
      { numRuns: runs },
    )
  })
})

import { once } from 'node:events'
import {
  createServer,
  get,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { keepPrivate } from './private-answer.js'

let close: (() => void) | undefined

async function fieldsOf(listener: RequestListener): Promise<Headers> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  close = () => server.close()
  await once(server, 'listening')
  const { headers } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return headers
}

/** The field lines of an answer, but for those that Node adds. */
async function linesOf(listener: RequestListener): Promise<string[]> {
  const server = createServer((request, response) => {
    response.sendDate = false
    listener(request, response)
  }).listen(0, '127.0.0.1')
  close = () => server.close()
  await once(server, 'listening')
  const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false })
  const [{ rawHeaders }] = (await once(request, 'response')) as [IncomingMessage]
  request.destroy()
  return rawHeaders
    .flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []))
    .filter((line) => !/^(Connection|Keep-Alive|Transfer-Encoding):/.test(line))
}

afterEach(() => close?.())

/** As middleware does it that looks at heads. */
function wrap(response: ServerResponse, seen: unknown[]): void {
  const { writeHead } = response
  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    seen.push(args[0])
    return writeHead.apply(response, args)
  }) as typeof writeHead
}

const link = '<https://rs.example/.well-known/aauth-resource.json>; rel="aauth-resource"'

describe('an answer behind a guard', () => {
  it.each(['before', 'between', 'after', 'nowhere'])(
    'is private once, with other middleware %s',
    async (place) => {
      const seen: unknown[] = []
      const headers = await fieldsOf((_, response) => {
        if (place === 'before') wrap(response, seen)
        keepPrivate(response, link)
        if (place === 'between') wrap(response, seen)
        keepPrivate(response, link)
        if (place === 'after') wrap(response, seen)
        response.setHeader('Cache-Control', 'max-age=60')
        response.setHeader('Vary', 'Accept')
        response.end('bread')
      })
      expect(seen).toEqual(place === 'nowhere' ? [] : [200])
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'max-age=60, private',
        vary: 'Accept, Signature-Key, Signature',
        link,
      })
    },
  )

  it('is private where its head is written with fields, and a link asked for late is there', async () => {
    const headers = await fieldsOf((_, response) => {
      keepPrivate(response)
      keepPrivate(response, link)
      response.writeHead(200, 'OK', { Link: '</next>; rel="next"', 'Cache-Control': 'no-cache' })
      response.end()
    })
    expect(headers.get('cache-control')).toBe('no-cache, private')
    expect(headers.get('link')).toBe(`</next>; rel="next", ${link}`)
  })

  const heads: readonly (readonly [string, OutgoingHttpHeaders, string[]])[] = [
    ['none', {}, ['cache-control: private', 'vary: Signature-Key, Signature']],
    [
      'others, in their order',
      { 'X-One': '1', 'Content-Length': 5, 'Set-Cookie': ['a=1', 'b=2'] },
      [
        ...['cache-control: private', 'vary: Signature-Key, Signature'],
        ...['X-One: 1', 'Content-Length: 5', 'Set-Cookie: a=1', 'Set-Cookie: b=2'],
      ],
    ],
    [
      'those that get more, in their places and spellings',
      { VARY: ['Accept', 'Origin'], 'x-one': '1', 'Cache-Control': 'max-age=60' },
      ['VARY: Accept, Origin, Signature-Key, Signature', 'x-one: 1', 'Cache-Control: max-age=60, private'],
    ],
    [
      'those that need no more',
      { 'cache-control': 'no-store', vary: '*' },
      ['cache-control: no-store', 'vary: *'],
    ],
  ]
  for (const [name, fields, expected] of heads)
    it.each(['alone', 'after others', 'behind middleware'])(
      `has these fields on the wire: ${name}, %s`,
      async (place) => {
        const before = { ...fields }
        const seen: unknown[] = []
        const raw = await linesOf((_, response) => {
          if (place === 'behind middleware') {
            const { writeHead } = response
            response.writeHead = ((status: number, given: object) => {
              seen.push(Array.isArray(given))
              return writeHead.call(response, status, given as OutgoingHttpHeaders)
            }) as typeof writeHead
          }
          keepPrivate(response)
          if (place === 'after others') response.setHeader('X-Before', '1')
          response.writeHead(200, fields)
          response.end('bread')
        })
        expect({ ...fields }).toEqual(before)
        expect(seen).toEqual(place === 'behind middleware' ? [false] : [])
        expect(raw).toEqual([...(place === 'after others' ? ['X-Before: 1'] : []), ...expected])
      },
    )

  it.each([
    ['a value', { 'x-one': 'a\r\nx-two: b' }],
    ['a name', { 'x one': '1' }],
    ['no value', { 'x-one': undefined }],
  ])('is not written with a field that is none: %s', async (_, fields) => {
    const raw = await linesOf((_request, response) => {
      keepPrivate(response)
      expect(() => response.writeHead(200, fields)).toThrow(TypeError)
      response.end()
    })
    expect(raw).toEqual(expect.arrayContaining(['Content-Length: 0']))
  })
})

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { hasBody } from '../http/message.js'
import { fromNode, writeAnswer } from './adapter.js'

const message = (members: object): IncomingMessage => members as IncomingMessage
const fields = ['Host', 'rs.example']

describe('a message that no parser has made', () => {
  it.each<[string, object, readonly string[]]>([
    ['nothing at all', {}, []],
    ['null for everything', { headers: null, rawHeaders: null, complete: null, url: null, method: null }, []],
    ['fields as an object', { headers: { Host: 'rs.example' } }, fields],
    [
      'lines of one name',
      { headers: { a: ['1', '2'], b: 3, c: {}, d: undefined } },
      ['a', '1', 'a', '2', 'b', '3'],
    ],
    [
      'raw fields as pairs',
      { rawHeaders: [fields], headers: { Host: 'rs.example' }, complete: true },
      fields,
    ],
    ['raw fields as bytes', { rawHeaders: fields.map((each) => Buffer.from(each)), complete: true }, []],
    ['raw fields as text', { rawHeaders: 'Host: rs.example', headers: { Host: 'rs.example' } }, fields],
    ['raw fields, and no state', { rawHeaders: fields }, fields],
  ])('with %s is read, and nothing is thrown', (_name, members, expected) => {
    const request = fromNode(message(members))
    expect([request.rawHeaders, request.foreign, request.carried]).toEqual([expected, true, undefined])
    expect(request.peer?.()).toEqual({})
  })

  it('without a stream has the content that it came with, or none that can be had', async () => {
    const headers = { 'content-length': '7' }
    const text = fromNode(message({ headers, body: '{"a":1}' }))
    expect([hasBody(text), await text.body?.(100)]).toEqual([true, Buffer.from('{"a":1}')])
    const parsed = fromNode(message({ headers, body: { a: 1 } }))
    expect([hasBody(parsed), await parsed.body?.(100), parsed.isConsumed?.()]).toEqual([
      true,
      'consumed',
      false,
    ])
    expect(fromNode(message({ headers, body: { a: 1 } })).isConsumed?.()).toBe(true)
  })

  it('is not one of Node’s that has no fields, as HTTP/1.0 may', () => {
    expect(fromNode(new IncomingMessage(new Socket())).foreign).toBeUndefined()
  })
})

describe('a response that does not know its request', () => {
  it('is written all the same', () => {
    const written: unknown[] = []
    const response = {
      writeHead: (status: number) => void written.push(status),
      end: (body: string) => void written.push(body),
    }
    writeAnswer({ status: 401, headers: {}, body: 'no' }, response as never)
    expect(written).toEqual([401, 'no'])
  })
})

import { describe, expect, it } from 'vitest'
import { Refusal } from '../errors.js'
import { describeContent } from './request-content.js'

const json = ['Content-Type', 'application/json']
const describeText = (text: string | Uint8Array, rawHeaders: readonly string[] = json): unknown => {
  const content = describeContent(rawHeaders, Buffer.from(text))
  return content instanceof Refusal ? content.code : 'json' in content ? content.json : content.type
}

describe('content that decisions rest on', () => {
  it.each([
    ['application/json', '{"copies":400}', { copies: 400 }],
    ['Application/JSON ; charset="UTF-8"', '[1,{"a":null}]', [1, { a: null }]],
    ['application/vnd.shop+json', '"text"', 'text'],
    ['application/json;charset=utf8', '3', 3],
  ])('is parsed as %s', (type, text, value) => {
    expect(describeText(text, ['content-type', type])).toEqual(value)
  })

  it.each([
    [['Content-Type', 'text/plain; charset=x'], 'text/plain'],
    [['Content-Type', 'application/json5'], 'application/json5'],
    [['Content-Type', ''], ''],
    [[], ''],
  ])('is bytes of a type otherwise: %j', (rawHeaders, type) => {
    expect(describeText('{"copies":400}', rawHeaders)).toBe(type)
  })

  it.each([
    ['a member twice', '{"copies":1,"copies":400}'],
    ['a member twice, spelt in two ways', '{"copies":1,"\\u0063opies":400}'],
    ['a member twice, deeper', '[{"a":{"b":1,"b":2}}]'],
    ['a member called __proto__', '{"__proto__":{"copies":400}}'],
    ['no JSON', '{"copies":400'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{"copies":400}'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['many levels', '['.repeat(20) + ']'.repeat(20)],
  ])('is refused as JSON with %s', (_name, text) => {
    expect(describeText(text)).toBe('invalid_request')
  })

  it.each([
    ['in UTF-7', ['Content-Type', 'application/json; charset=utf-7']],
    ['in UTF-16', ['Content-Type', 'application/json;x=y; charset="utf-16"']],
    ['with a charset that is not said', ['Content-Type', 'application/json; charset']],
    ['of several types', [...json, 'Content-Type', 'text/plain']],
    ['of the same type twice', [...json, ...json]],
    ['that is deflated', [...json, 'Content-Encoding', 'gzip']],
    ['that is deflated after nothing', [...json, 'Content-Encoding', 'identity', 'Content-Encoding', 'br']],
  ])('is refused %s', (_name, rawHeaders) => {
    expect(describeText('{"copies":400}', rawHeaders)).toBe('invalid_request')
  })
})

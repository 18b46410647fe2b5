import { describe, expect, it } from 'vitest'
import { abortable, peekJson, readContent, readJson } from './content.js'

const { signal } = new AbortController()
const json = (text: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
  new Response(text, { headers: { 'content-type': type } })

describe('the content of a request', () => {
  const request = (body: RequestInit['body']) =>
    new Request('https://shop.example/', { method: 'POST', body, duplex: 'half' } as RequestInit)

  it('is read up to the limit, and not a byte further', async () => {
    expect(await readContent(request('12345'), 5, signal)).toEqual(new Uint8Array(Buffer.from('12345')))
    await expect(readContent(request('123456'), 5, signal)).rejects.toMatchObject({
      code: 'content_too_large',
    })
  })

  it('is cancelled where it is too long', async () => {
    let cancelled: unknown
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: (reason) => {
        cancelled = reason ?? 'cancelled'
      },
    })
    await expect(readContent(request(stream), 25, signal)).rejects.toThrow()
    expect(cancelled).toBe('cancelled')
  })

  it('ends with the signal, however long the next byte takes', async () => {
    const abort = new AbortController()
    const never = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => abort.abort(new Error('enough'))),
    })
    await expect(readContent(request(never), 25, abort.signal)).rejects.toThrow('enough')
  })
})

describe('an answer of JSON', () => {
  it('is an object', async () => {
    expect(await readJson(json('{"a":1}'), 100, signal)).toEqual({ a: 1 })
    expect(await readJson(json('{"a":1}', 'application/problem+json; charset=utf-8'), 100, signal)).toEqual({
      a: 1,
    })
  })

  it.each([
    ['a list', json('[]')],
    ['null', json('null')],
    ['cut off', json('{"a":')],
    ['no UTF-8', json(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
    ['too long', json(`{"a":"${'b'.repeat(200)}"}`)],
    ['too deep', json('['.repeat(90))],
    ['text', json('{}', 'text/plain')],
    ['empty', json('')],
  ])('is not %s', async (_, response) => {
    expect(await readJson(response, 100, signal)).toBeUndefined()
  })

  it('can be looked at and read afterwards', async () => {
    const response = json('{"a":1}')
    expect(await peekJson(response, 100, signal)).toEqual({ a: 1 })
    expect(await response.text()).toBe('{"a":1}')
  })
})

it('waits no longer than the signal', async () => {
  const abort = new AbortController()
  const work = abortable(new Promise(() => {}), abort.signal)
  abort.abort(new Error('enough'))
  await expect(work).rejects.toThrow('enough')
  await expect(abortable(1, abort.signal)).rejects.toThrow('enough')
})

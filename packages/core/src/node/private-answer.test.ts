import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
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
})

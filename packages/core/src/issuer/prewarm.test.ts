import { expect, it } from 'vitest'
import { createResourceServer } from '../server/resource-server.js'

it('fetches the keys of prewarmed issuers as soon as the server is created, and once', async () => {
  const fetched: string[] = []
  const server = createResourceServer({
    resource: 'https://rs.example',
    issuers: { prewarm: [{ issuer: 'https://ps.example', dwk: 'aauth-person.json' }] },
    fetch: async (url) => {
      fetched.push(String(url))
      throw new TypeError('no route')
    },
  })
  await server.issuers.warm()
  server.close()
  expect(fetched).toEqual(['https://ps.example/.well-known/aauth-person.json'])
})

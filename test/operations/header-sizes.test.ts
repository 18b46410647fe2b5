import { createKey, createTown, type Town } from '@countersign/devkit'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { resource, startTarget } from '../target/start.js'
import { pageOf, rowsOf, sectionOf } from './page.js'

// docs/operations.md says how long the fields are that carry tokens. They are measured here, with what the devkit's servers
// put into tokens.

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const rows = rowsOf(sectionOf(pageOf('operations'), '### How long fields are'))

/** All claims of the identity scopes, with values as people have them. */
const released = {
  name: 'Maria Magdalena Mustermann',
  given_name: 'Maria Magdalena',
  family_name: 'Mustermann',
  nickname: 'Mom',
  preferred_username: 'maria.mustermann',
  picture: 'https://ps.example/pictures/2f6e1a0c-6a1b-4a7e-9d3e-1f0c7a5b9e11.jpg',
  locale: 'de-DE',
  birthdate: '1979-05-17',
  email: 'maria.mustermann@mail.example',
  email_verified: true,
  address: {
    formatted: 'Musterstraße 17\n12345 Musterstadt\nDeutschland',
    postal_code: '12345',
    country: 'DE',
  },
  phone_number: '+49 30 1234567',
  phone_number_verified: true,
}

let town: Town
beforeAll(async () => {
  town = await createTown()
})
afterAll(() => town.close())

it.each([
  ['Ed25519', 1],
  ['ES256', 2],
] as const)('says how long fields are, with keys of %s', async (algorithm, column) => {
  town.ap.keys.rotate({ algorithm })
  town.ps.server.keys.rotate({ algorithm })
  const mom = town.person('mom')
  const sam = town.agent('sam', { person: mom, alg: algorithm })
  const target = await startTarget('express', 0, {
    fetch: town.fetch,
    signingKeys: [createKey(algorithm).privateJwk],
  })
  town.route('rs.example', target.port)
  const request = { person: mom, resource, cnf: sam.key.cnf }
  const scope = 'data.read data.write'
  const personToken = await town.ps.mintPersonToken(request)
  const tokens = [
    (await sam.agentToken()).jwt,
    personToken,
    await town.ps.mintAuthToken({ ...request, scope, account: 'blue' }),
    await town.ps.mintAuthToken({ ...request, scope, account: 'blue', released }),
  ]
  const signed = await Promise.all(tokens.map((token) => sam.sign({ url: `${resource}/data` }, { token })))
  const challenge = await sam.request({ url: `${resource}/data` }, { token: personToken })
  await target.close()
  expect(challenge.status).toBe(401)
  const requirement = challenge.headers.get('aauth-requirement') as string
  const measured = [
    ...signed.map(({ rawHeaders }) => lengthOf(rawHeaders, ['signature-key'])),
    lengthOf(signed[0]?.rawHeaders as string[], ['signature-input', 'signature']),
    lengthOf(['AAuth-Requirement', requirement], ['aauth-requirement']),
  ]
  // Rounded on the page; a test's identifiers may grow a little.
  expect(rows).toHaveLength(measured.length)
  for (const [index, length] of measured.entries())
    expect(Math.abs(Number(rows[index]?.[column]) / length - 1)).toBeLessThan(0.04)
})

/** The bytes of these fields as HTTP/1.1 writes them. */
function lengthOf(rawHeaders: readonly string[], names: readonly string[]): number {
  let length = 0
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (names.includes((rawHeaders[i] as string).toLowerCase()))
      length += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`.length
  return length
}

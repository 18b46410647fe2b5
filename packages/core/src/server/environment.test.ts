import { describe, expect, it } from 'vitest'
import { newJwks } from '../testing/jwk.js'
import { type EnvironmentContext, fromEnvironment, type PartialOptions } from './environment.js'
import type { ResourceOptions } from './resource-options.js'
import { createResourceServer } from './resource-server.js'

type Given = PartialOptions<ResourceOptions>

const jwk = { ...newJwks('Ed25519').privateJwk, kid: 'mine' }
const resource = 'https://notes.example'
const scopes = { 'notes.read': 'Read your notes' }

const complete = (given: Given, variables: EnvironmentContext['variables'] = {}) => {
  const warnings: string[] = []
  const { options, close } = fromEnvironment(given, { variables, warn: (message) => warnings.push(message) })
  const server = createResourceServer(options)
  const kids = server.keys.list().map(({ kid, jkt }) => (kid === jkt ? 'made' : kid))
  server.close()
  return { resource: server.resource, kids, warnings, close }
}

describe('options that are left to the environment', () => {
  it('are taken from AAUTH_RESOURCE and AAUTH_SIGNING_KEYS', () => {
    const variables = { AAUTH_RESOURCE: resource, AAUTH_SIGNING_KEYS: JSON.stringify({ keys: [jwk] }) }
    expect(complete({ scopes }, variables)).toMatchObject({ resource, kids: ['mine'], warnings: [] })
    expect(complete({}, { ...variables, NODE_ENV: 'production' })).toMatchObject({ kids: ['mine'] })
  })

  it('win where they are given, and the variable is not even read', () => {
    const variables = {
      AAUTH_RESOURCE: 'nonsense',
      AAUTH_SIGNING_KEYS: '{',
      AAUTH_REDIS_URL: 'http://nowhere',
    }
    const store = { get: () => undefined, put: () => {}, claim: () => true, delete: () => {} }
    expect(complete({ resource, signingKeys: jwk, store, scopes }, variables)).toMatchObject({
      resource,
      kids: ['mine'],
    })
  })

  it.each<[string, Given, EnvironmentContext['variables'], string]>([
    ['nothing names the resource', {}, {}, 'option resource: is missing, and AAUTH_RESOURCE is not set'],
    [
      'an option is undefined, whatever the variable says',
      { resource: undefined } as never,
      { AAUTH_RESOURCE: resource },
      'option resource',
    ],
    [
      'keys are undefined, whatever the variable says',
      { resource, signingKeys: undefined } as never,
      { AAUTH_SIGNING_KEYS: JSON.stringify(jwk) },
      'option signingKeys: is undefined',
    ],
    [
      'the variable is an address',
      {},
      { AAUTH_RESOURCE: 'http://localhost:3000' },
      'AAUTH_RESOURCE: must be a server identifier',
    ],
    ['a variable is empty', {}, { AAUTH_RESOURCE: '' }, 'AAUTH_RESOURCE: is set and empty'],
    ['keys are empty', { resource }, { AAUTH_SIGNING_KEYS: ' ' }, 'AAUTH_SIGNING_KEYS: is set and empty'],
    ['the store is empty', { resource }, { AAUTH_REDIS_URL: '' }, 'AAUTH_REDIS_URL: is set and empty'],
    [
      'keys are no keys',
      { resource },
      { AAUTH_SIGNING_KEYS: 'secret' },
      'AAUTH_SIGNING_KEYS: is text of 6 characters',
    ],
    [
      'a key is public',
      { resource },
      { AAUTH_SIGNING_KEYS: JSON.stringify({ ...jwk, d: undefined }) },
      'AAUTH_SIGNING_KEYS: must be a private JWK',
    ],
    ['the store is no URL', { resource }, { AAUTH_REDIS_URL: 'redis' }, 'AAUTH_REDIS_URL: '],
    [
      'the store is of another kind',
      { resource },
      { AAUTH_REDIS_URL: 'http://:secret@localhost' },
      'AAUTH_REDIS_URL: ',
    ],
  ])('name what is at fault: %s', (_, given, variables, message) => {
    expect(() => complete(given, variables)).toThrow(TypeError)
    expect(() => complete(given, variables)).toThrow(message)
    expect(() => complete(given, variables)).not.toThrow('secret')
  })
})

describe('a resource without keys', () => {
  it('that has scopes gets one outside production, with one warning that says what that means', () => {
    const { kids, warnings } = complete({ resource, scopes }, { NODE_ENV: 'development' })
    expect([kids, warnings.length]).toEqual([['made'], 1])
    for (const said of [
      'a restart makes another',
      'other processes do not have it',
      'AAUTH_SIGNING_KEYS',
      'option signingKeys',
      'node -e',
    ])
      expect(warnings[0]).toContain(said)
    expect(complete({ resource, accessServer: 'https://as.example' }).kids).toEqual(['made'])
  })

  it('that has scopes does not start in production, and says how to make one', () => {
    expect(() => complete({ resource, scopes }, { NODE_ENV: 'production' })).toThrow(
      /option signingKeys: is missing.*AAUTH_SIGNING_KEYS.*node -e/,
    )
  })

  it.each(['production', 'development', undefined])(
    'that asks only who somebody is needs none (NODE_ENV %s)',
    (NODE_ENV) => {
      expect(complete({ resource }, { NODE_ENV })).toMatchObject({ kids: [], warnings: [] })
    },
  )
})

describe('an address instead of an identifier', () => {
  it.each([
    ['http://localhost:3000', "'https://localhost.example'", 'town.route(host, 3000)'],
    ['https://localhost:3000', "'https://notes.example'", 'town.route(host, 3000)'],
    ['http://127.0.0.1:8080', "'https://localhost.example'", 'town.route(host, 8080)'],
    ['http://[::1]:8080/api', "'https://localhost.example'", 'town.route(host, 8080)'],
    ['http://notes.example', "write 'https://notes.example'", 'plain http'],
    ['https://notes.example:8443', "write 'https://notes.example'", 'no port'],
    ['https://Notes.Example/', "write 'https://notes.example'", 'no trailing slash'],
    ['notes.example', "write 'https://notes.example'", 'https'],
  ])('%s is told what to write', (given, ...said) => {
    for (const text of said) expect(() => createResourceServer({ resource: given })).toThrow(text)
    expect(() => createResourceServer({ resource: given })).toThrow(
      'option resource: must be a server identifier',
    )
  })

  it.each(['', 'localhost', 'javascript:alert(1)', 7, null, 'https://'])('%s is refused, too', (given) => {
    expect(() => createResourceServer({ resource: given as string })).toThrow('option resource')
  })
})

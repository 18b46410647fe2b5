import { describe, expect, it } from 'vitest'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import { claims, fakeIssuers, issuerKey, newKey, now } from '../testing/party.js'
import { readClaims, verifyIssued } from './issued.js'
import { signJws } from './jws.js'

const { cnf: _, ...person } = claims['aa-person+jwt']
const resourceClaims = { ...person, iss: 'https://rs.example', dwk: 'aauth-resource.json', agent_jkt: 'x' }
const mint = (changes: object = {}, typ = 'aa-resource+jwt', key = issuerKey) =>
  signJws(typ, { ...resourceClaims, ...changes }, key)
const codeOf = async (jwt: string, issuers = fakeIssuers()) => {
  const token = await verifyIssued(jwt, 'aa-resource+jwt', issuers, now)
  return token instanceof Refusal ? token.code : token.claims.iss
}

describe('a token of another issuer', () => {
  it.each([
    ['aa-agent+jwt', claims['aa-agent+jwt']],
    ['aa-person+jwt', claims['aa-person+jwt']],
    ['aa-auth+jwt', claims['aa-auth+jwt']],
    ['aa-auth+jwt', { ...claims['aa-auth+jwt'], iss: 'https://as.example', dwk: 'aauth-access.json' }],
    ['aa-resource+jwt', resourceClaims],
  ] as const)('verifies: %s', async (typ, of) => {
    const token = await verifyIssued(await signJws(typ, of, issuerKey), typ, fakeIssuers(), now)
    expect(token).toMatchObject({ typ, claims: of })
  })

  it.each([
    ['of another typ', mint({}, 'aa-auth+jwt'), 'invalid_jwt'],
    ['that has ended', mint({ exp: now }), 'expired_jwt'],
    ['that lives too long', mint({ exp: now + 3601 }), 'invalid_jwt'],
    ['of the future', mint({ iat: now + 120 }), 'clock_skew'],
    ['of a document of others', mint({ dwk: 'aauth-person.json' }), 'invalid_jwt'],
    ['of an issuer that is none', mint({ iss: 'https://rs.example/' }), 'invalid_jwt'],
    ['without jti', mint({ jti: undefined }), 'invalid_jwt'],
    ['without iat', mint({ iat: 'now' }), 'invalid_jwt'],
    ['of an unknown key', mint({}, undefined, newKey()), 'unknown_key'],
    ['of another key under the kid', mint({}, undefined, newKey('Ed25519', 'issuer-1')), 'invalid_jwt'],
    ['of another algorithm than its key', mint({}, undefined, newKey('ES256', 'issuer-1')), 'invalid_jwt'],
    ['longer than any', mint({ more: 'x'.repeat(12_288) }), 'invalid_jwt'],
    ['that is none', Promise.resolve('a.b'), 'invalid_jwt'],
  ])('does not verify: %s', async (_title, jwt, code) => {
    expect(await codeOf(await jwt)).toBe(code)
  })

  it('asks nobody for a key before everything else has passed', async () => {
    const issuers = fakeIssuers()
    await codeOf(await mint({ exp: 1, iat: 0 }), issuers)
    expect(issuers.fetches).toEqual([])
  })

  it('is tried once more when its issuer has another key by now (R-086)', async () => {
    const other = newKey('Ed25519', 'issuer-1')
    const admitted: string[] = []
    const issuers = fakeIssuers({
      refind: async () => importPublicJwk(other.publicJwk) as VerificationKey,
      admit: (issuer) => admitted.push(issuer),
    })
    expect(await codeOf(await mint({}, undefined, other), issuers)).toBe('https://rs.example')
    expect(admitted).toEqual(['https://rs.example'])
    expect(await codeOf(await mint({}, undefined, newKey('Ed25519', 'issuer-1')), issuers)).toBe(
      'invalid_jwt',
    )
    expect(admitted).toHaveLength(1)
  })
})

it('reads claims without verifying them', async () => {
  expect(readClaims(await mint())).toMatchObject({ iss: 'https://rs.example' })
  expect(readClaims('nonsense')).toBeUndefined()
})

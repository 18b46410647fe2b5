import { beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../caller.js'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import { testContext } from '../testing/context.js'
import { fakeIssuers, issuerKey, newKey, now, signed, token } from '../testing/party.js'
import { type AuthenticationContext, authenticate } from './authenticate.js'

describe('a token that has been seen before', () => {
  let at: number
  let verifications: number
  let withdraw: (issuer: string, dwk: string) => void
  let denied: boolean
  let held: VerificationKey | undefined
  let finds: number
  let context: AuthenticationContext

  beforeEach(() => {
    at = now
    verifications = 0
    denied = false
    const clock = (): number => at * 1000
    held = importPublicJwk(issuerKey.publicJwk) as VerificationKey
    finds = 0
    const issuers = fakeIssuers({
      peek: () => held,
      find: async () => {
        finds++
        return held ?? new Refusal('unknown_key')
      },
      mayFetch: () => false,
      refused: () => (denied ? new Refusal('access_denied') : undefined),
      onWithdrawn: (listener) => {
        withdraw = listener
      },
    })
    const plain = testContext(issuers, clock)
    context = {
      ...plain,
      verify: (...args) => {
        verifications++
        return plain.verify(...args)
      },
    }
  })

  /** What becomes of a request, and how many signatures were verified for it. */
  const ask = async (
    jwt: string,
    key = undefined as Parameters<typeof token>[2],
  ): Promise<[string, number]> => {
    const before = verifications
    const request = await signed(jwt, { created: at, ...(key === undefined ? {} : { key }) })
    const result = await authenticate(request, context)
    return [result instanceof Refusal ? result.code : (result as Caller).kind, verifications - before]
  }

  it('costs one verification, and still that one', async () => {
    const jwt = await token('aa-auth+jwt')
    expect(await ask(jwt)).toEqual(['grant', 2])
    expect(await ask(jwt)).toEqual(['grant', 1])
    expect(await ask(jwt, newKey())).toEqual(['invalid_signature', 1])
  })

  it('is verified anew once its issuer’s keys were withdrawn, those of this document only', async () => {
    const jwt = await token('aa-auth+jwt')
    await ask(jwt)
    withdraw('https://ps.example', 'aauth-access.json')
    expect(await ask(jwt)).toEqual(['grant', 1])
    withdraw('https://ps.example', 'aauth-person.json')
    expect(await ask(jwt)).toEqual(['grant', 2])
  })

  it('ends with its exp', async () => {
    const jwt = await token('aa-auth+jwt')
    await ask(jwt)
    at = now + 599
    expect(await ask(jwt)).toEqual(['grant', 1])
    at = now + 600
    expect(await ask(jwt)).toEqual(['expired_jwt', 0])
  })

  it('is refused from the moment it is revoked, or its issuer is shut out', async () => {
    const jwt = await token('aa-auth+jwt')
    await ask(jwt)
    denied = true
    expect(await ask(jwt)).toEqual(['access_denied', 1])
    denied = false
    await context.revocations.record({ iss: 'https://ps.example', jti: 'token-1', exp: now + 600 })
    expect(await ask(jwt)).toEqual(['revoked_jwt', 1])
  })

  it('if forged, costs one verification the first time and none after', async () => {
    const forged = await token('aa-auth+jwt', {}, newKey('Ed25519', 'issuer-1'))
    expect(await ask(forged)).toEqual(['invalid_jwt', 1])
    expect(await ask(forged)).toEqual(['invalid_jwt', 0])
    // Nor once its issuer is shut out: whoever forges learns nothing of that.
    denied = true
    expect(await ask(forged)).toEqual(['invalid_jwt', 0])
    denied = false
    expect(await ask(await token('aa-auth+jwt'))).toEqual(['grant', 2])
  })

  it('without a key to verify it is refused as before, until there is one ', async () => {
    const key = held
    const jwt = await token('aa-auth+jwt')
    held = undefined
    expect(await ask(jwt)).toEqual(['unknown_key', 0])
    expect(await ask(jwt)).toEqual(['unknown_key', 0])
    // Each time anew, since only the issuer's keys know why.
    expect(finds).toBe(2)
    held = key
    expect(await ask(jwt)).toEqual(['grant', 2])
    expect(await ask(jwt)).toEqual(['grant', 1])
  })

  it('without a key is judged like any other once it has expired or its issuer is shut out [R-067]', async () => {
    const jwt = await token('aa-auth+jwt')
    held = undefined
    await ask(jwt)
    denied = true
    // A 403 is only for whoever has signed.
    expect(await ask(jwt, newKey())).toEqual(['invalid_signature', 1])
    expect(await ask(jwt)).toEqual(['access_denied', 1])
    denied = false
    at = now + 600
    expect(await ask(jwt)).toEqual(['expired_jwt', 0])
  })

  it('differs from every other in a single byte', async () => {
    const jwt = await token('aa-auth+jwt')
    await ask(jwt)
    const last = jwt.at(-2) === 'A' ? 'B' : 'A'
    expect(await ask(jwt.slice(0, -2) + last + jwt.at(-1))).toEqual(['invalid_jwt', 1])
  })
})

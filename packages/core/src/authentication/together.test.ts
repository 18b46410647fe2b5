import { beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../caller.js'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { createVerify, type Verify } from '../crypto/verify.js'
import { Refusal } from '../errors.js'
import { testContext } from '../testing/context.js'
import { fakeIssuers, issuerKey, newKey, now, signed, token } from '../testing/party.js'
import { VerifiedTokens } from '../token/verified-tokens.js'
import { type AuthenticationContext, authenticate } from './authenticate.js'

describe('a token that several requests bring before it has verified', () => {
  const many = 10
  let verifications: number
  let held: VerificationKey | undefined
  let published: VerificationKey
  let context: AuthenticationContext
  const verifyNow = createVerify({ mode: 'sync' })

  /** Verifies once the caller has gone on, as a thread does. */
  const verifyLater: Verify = async (...args) => {
    verifications++
    await undefined
    return verifyNow(...args)
  }

  beforeEach(() => {
    verifications = 0
    published = importPublicJwk(issuerKey.publicJwk) as VerificationKey
    held = published
    const issuers = fakeIssuers({
      peek: () => held,
      find: async () => {
        await undefined
        held = published
        return published
      },
      mayFetch: () => held === undefined,
    })
    context = { ...testContext(issuers, () => now * 1000), verify: verifyLater }
  })

  const nameOf = (result: unknown): string =>
    result instanceof Refusal ? result.code : (result as Caller).kind

  /** What becomes of requests that come at once, each with a signature of its own. */
  const askAtOnce = async (jwt: string, keys: Parameters<typeof token>[2][] = []): Promise<string[]> => {
    const requests = await Promise.all(
      Array.from({ length: many }, (_, i) =>
        signed(jwt, { created: now - i, ...(keys[i] === undefined ? {} : { key: keys[i] }) }),
      ),
    )
    const results = requests.map((request) => authenticate(request, context))
    return (await Promise.allSettled(results)).map((one) =>
      one.status === 'fulfilled' ? nameOf(one.value) : String(one.reason.message),
    )
  }
  const each = (what: string): string[] => new Array<string>(many).fill(what)

  it('is verified once, and each request by its own signature', async () => {
    expect(await askAtOnce(await token('aa-auth+jwt'))).toEqual(each('grant'))
    expect(verifications).toBe(1 + many)
  })

  it('is verified once where its issuer had to be asked first, after each request had verified', async () => {
    held = undefined
    expect(await askAtOnce(await token('aa-auth+jwt'))).toEqual(each('grant'))
    expect(verifications).toBe(many + 1)
  })

  it('if forged, is verified once as well', async () => {
    const forged = await token('aa-auth+jwt', {}, newKey('Ed25519', 'issuer-1'))
    expect(await askAtOnce(forged)).toEqual(each('invalid_jwt'))
    expect(verifications).toBe(1)
  })

  it('serves nobody who has not signed with its key, whoever was first', async () => {
    const other = newKey()
    const jwt = await token('aa-auth+jwt')
    expect(await askAtOnce(jwt, [other, undefined, other])).toEqual([
      'invalid_signature',
      'grant',
      'invalid_signature',
      ...each('grant').slice(3),
    ])
    expect(verifications).toBe(1 + many)
  })

  it('is verified for each request where none is remembered, and no request waits for more than one other', async () => {
    context = { ...context, tokens: new VerifiedTokens(0, context.issuers) }
    expect(await askAtOnce(await token('aa-auth+jwt'))).toEqual(each('grant'))
    // The first, and one for all that waited for it.
    expect(verifications).toBe(2 + many)
    expect(await askAtOnce(await token('aa-auth+jwt'))).toEqual(each('grant'))
    expect(verifications).toBe(2 * (2 + many))
  })

  it('is verified again by those who waited, where the first verification came to nothing', async () => {
    let failing = true
    context = {
      ...context,
      verify: async (...args) => {
        const isFailing = failing
        failing = false
        await undefined
        if (isFailing) throw new Error('no thread')
        return verifyLater(...args)
      },
    }
    expect(await askAtOnce(await token('aa-auth+jwt'))).toEqual(['no thread', ...each('grant').slice(1)])
  })

  it('is verified under the key that its issuer has by now, by those who come later', async () => {
    const jwt = await token('aa-auth+jwt')
    held = importPublicJwk(newKey('Ed25519', 'issuer-1').publicJwk) as VerificationKey
    const [early, late] = [await signed(jwt), await signed(jwt, { created: now - 1 })]
    const first = authenticate(early, context)
    held = published
    const second = authenticate(late, context)
    expect(nameOf(await first)).toBe('invalid_jwt')
    expect(nameOf(await second)).toBe('grant')
  })
})

import { describe, expect, it } from 'vitest'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { newKey } from '../testing/party.js'
import { TokenVerifications } from './verifications.js'

describe('verifications of tokens that are under way', () => {
  const newVerification = (): VerificationKey => importPublicJwk(newKey().publicJwk) as VerificationKey
  const key = newVerification()
  const never = (): never => {
    throw new Error('verified twice')
  }

  it('are shared by whoever asks for the same under the same key, and held no longer than they take', async () => {
    const verifications = new TokenVerifications<boolean>()
    let resolve = (_valid: boolean): void => {}
    const first = verifications.run('token', key, () => new Promise<boolean>((done) => (resolve = done)))
    expect(verifications.run('token', key, never)).toBe(first)
    expect(verifications.endOf('other')).toBeUndefined()
    const ended = verifications.endOf('token')
    resolve(true)
    expect(await first).toBe(true)
    await ended
    expect(verifications.endOf('token')).toBeUndefined()
    expect(verifications.run('token', key, () => false)).toBe(false)
  })

  it('are not held where the answer is there at once', () => {
    const verifications = new TokenVerifications<boolean>()
    expect(verifications.run('token', key, () => true)).toBe(true)
    expect(verifications.endOf('token')).toBeUndefined()
  })

  it('under another key are made by themselves', async () => {
    const verifications = new TokenVerifications<boolean>()
    const first = verifications.run('token', key, async () => false)
    const other = verifications.run('token', newVerification(), async () => true)
    expect(await Promise.all([first, other])).toEqual([false, true])
    expect(verifications.endOf('token')).toBeUndefined()
  })

  it('that fail end as well, and the failure is for those who asked', async () => {
    const verifications = new TokenVerifications<boolean>()
    const failing = verifications.run('token', key, () => Promise.reject(new Error('no thread')))
    const ended = verifications.endOf('token')
    await expect(failing).rejects.toThrow('no thread')
    expect(await ended).toBeUndefined()
    expect(verifications.endOf('token')).toBeUndefined()
  })
})

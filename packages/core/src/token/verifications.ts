import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { VerificationKey } from '../crypto/keys.js'

interface Underway<T> {
  readonly key: VerificationKey
  readonly valid: Promise<T>
  /** Fulfilled when it has ended, however it did. */
  readonly ended: Promise<void>
}

/**
 * The verifications of tokens' own signatures that wait for a thread or for their turn, one a token: of the requests of an
 * agent that come together, before its token is remembered, one has it verified. No more are held than `crypto.maxWaiting`
 * lets wait.
 */
export class TokenVerifications<T> {
  readonly #underway = new Map<string, Underway<T>>()

  /** Fulfilled when the verification of the token with this digest has ended; `undefined` while there is none. Never rejects. */
  endOf(digest: string): Promise<void> | undefined {
    return this.#underway.get(digest)?.ended
  }

  /** What `verify` finds, or what the same verification, under the same key, is about to find. */
  run(digest: string, key: VerificationKey, verify: () => Awaitable<T>): Awaitable<T> {
    const other = this.#underway.get(digest)
    if (other?.key === key) return other.valid
    const valid = verify()
    // Under another key, which its issuer has had meanwhile: neither waits for the other.
    if (!isPromiseLike(valid) || other !== undefined) return valid
    const end = (): void => void this.#underway.delete(digest)
    this.#underway.set(digest, { key, valid, ended: valid.then(end, end) })
    return valid
  }
}
